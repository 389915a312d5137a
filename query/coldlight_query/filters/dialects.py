"""Of what filters speak: spans with their traces, log records, or points of metrics. The language is one; names and columns differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coldlight_query.filters.fields import Field, Scope


@dataclass(frozen=True, eq=False)
class Dialect:
    """The SQL of each field and of each map of attributes that a filter may name.

    `arrays_of_maps` has those where a condition holds if it holds for one of several.
    """

    columns: Mapping[Field, str]
    maps: Mapping[Scope, str]
    arrays_of_maps: Mapping[Scope, str] = field(default_factory=dict)

    @property
    def scopes(self) -> list[Scope]:
        """Where an attribute may be looked up."""
        return [*self.maps, *self.arrays_of_maps, Scope.ANY]

    @property
    def has_roots(self) -> bool:
        """Whether `root` means anything."""
        return Field.PARENT_SPAN_ID in self.columns


SPANS = Dialect(
    columns={
        Field.SERVICE: "ServiceName",
        Field.NAME: "SpanName",
        Field.KIND: "SpanKind",
        Field.STATUS: "StatusCode",
        Field.STATUS_MESSAGE: "StatusMessage",
        Field.DURATION: "Duration",
        Field.TRACE_ID: "TraceId",
        Field.SPAN_ID: "SpanId",
        Field.PARENT_SPAN_ID: "ParentSpanId",
        Field.START_TIME: "Timestamp",
        Field.SCOPE_NAME: "ScopeName",
        Field.SCOPE_VERSION: "ScopeVersion",
        Field.TRACE_DURATION: "(toUnixTimestamp64Nano(End) - toUnixTimestamp64Nano(Start))",
    },
    maps={
        Scope.OWN: "SpanAttributes",
        Scope.RESOURCE: "ResourceAttributes",
        Scope.INSTRUMENTATION: "ScopeAttributes",
    },
    arrays_of_maps={
        Scope.EVENT: "Events.Attributes",
        Scope.LINK: "Links.Attributes",
    },
)

LOGS = Dialect(
    columns={
        Field.SERVICE: "ServiceName",
        Field.BODY: "Body",
        # 1 to 4 is trace, 5 to 8 debug ...: OpenTelemetry's logs data model, "Severity Fields"
        Field.SEVERITY: "intDiv(SeverityNumber + 3, 4)",
        Field.EVENT_NAME: "EventName",
        Field.TIME: "Timestamp",
        Field.TRACE_ID: "TraceId",
        Field.SPAN_ID: "SpanId",
        Field.SCOPE_NAME: "ScopeName",
        Field.SCOPE_VERSION: "ScopeVersion",
    },
    maps={
        Scope.OWN: "LogAttributes",
        Scope.RESOURCE: "ResourceAttributes",
        Scope.INSTRUMENTATION: "ScopeAttributes",
    },
)

METRICS = Dialect(
    columns={
        Field.SERVICE: "ServiceName",
        Field.SCOPE_NAME: "ScopeName",
        Field.SCOPE_VERSION: "ScopeVersion",
    },
    maps={
        Scope.OWN: "Attributes",
        Scope.RESOURCE: "ResourceAttributes",
        Scope.INSTRUMENTATION: "ScopeAttributes",
    },
)
