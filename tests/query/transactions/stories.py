"""A small serverless application, told span by span: functions, what they send, and what they receive."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.transactions.memory import Memory

from coldlight_query.transactions import spans as engine
from coldlight_storage.testing import attributes, span, span_id, trace_id, traces_request

RETRIES = "coldlight.step_functions.state.retry_count"
PRODUCED, CONSUMED = "coldlight.link.produced", "coldlight.link.consumed"
FAILED = Status(code=Status.STATUS_CODE_ERROR, message="it broke")


@dataclass(frozen=True)
class Place:
    """A span of the story: its trace and its number."""

    trace: int
    number: int

    @property
    def id(self) -> str:
        return f"{trace_id(self.trace).hex()}:{span_id(self.number).hex()}"

    @property
    def trace_id(self) -> str:
        return trace_id(self.trace).hex()


@dataclass
class Story:
    """Collects spans, to be sent one by one or to be given to the engine. Numbers count up by themselves, and span 3
    starts three seconds after noon, if nothing else is said."""

    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def transactions(self, known_id: str | Place) -> list[dict[str, Any]]:
        """What the engine makes of the spans."""
        spans = [in_engine(request) for request in self.requests]
        return Memory(spans).transactions(known_id if isinstance(known_id, str) else known_id.id)

    def transaction(self, known_id: str | Place) -> dict[str, Any]:
        [found] = self.transactions(known_id)
        return found

    def forget(self, place: Place) -> None:
        """A span that was never received."""
        self.requests = [
            each for each in self.requests if in_engine(each).ref[:2] != tuple(place.id.split(":"))
        ]

    def invocation(
        self,
        function: str,
        request_id: str = "",
        *,
        trace: int,
        parent: Place | None = None,
        consumed: Sequence[str] = (),
        links: Sequence[Place] = (),
        of: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Place:
        """A run of a function; `of` are further attributes."""
        more = {"faas.invocation_id": request_id or f"run of {function} in {trace}", **(of or {})}
        return self._add(function, Span.SPAN_KIND_SERVER, trace, parent, consumed, (), links, more, fields)

    def send(self, function: str, *keys: str, parent: Place, **fields: Any) -> Place:
        """A call that sends messages; what was sent has these link keys."""
        more = fields.pop("of", {})
        kind = fields.pop("kind", Span.SPAN_KIND_PRODUCER)
        return self._add(function, kind, parent.trace, parent, (), keys, (), more, fields)

    def receive(self, function: str, *keys: str, parent: Place, **fields: Any) -> Place:
        """A `CONSUMER` span within a run, for the records of these keys."""
        links = fields.pop("links", ())
        return self._add(function, Span.SPAN_KIND_CONSUMER, parent.trace, parent, keys, (), links, {}, fields)

    def work(self, function: str, *, parent: Place, **fields: Any) -> Place:
        """Something else that a run did."""
        return self._add(function, Span.SPAN_KIND_INTERNAL, parent.trace, parent, (), (), (), {}, fields)

    def _add(
        self,
        function: str,
        kind: Any,
        trace: int,
        parent: Place | None,
        consumed: Sequence[str],
        produced: Sequence[str],
        links: Sequence[Place],
        more: dict[str, Any],
        fields: dict[str, Any],
    ) -> Place:
        more = {**more, **fields.pop("attributes", {})}
        place = Place(trace, next(self.numbers))
        message_id = fields.pop("message_id", "")
        sandbox = fields.pop("sandbox", f"{function}-1")
        account = fields.pop("account", "")
        lists = {CONSUMED: list(consumed), PRODUCED: list(produced)}
        made = span(
            place.number,
            trace=trace,
            parent=parent.number if parent else 0,
            kind=kind,
            attributes={key: value for key, value in lists.items() if value} | more,
            links=[_link(each, message_id) for each in links],
            **{"name": function, "at": float(place.number), "lasts": 0.5, **fields},
        )
        of_function = {"faas.name": function, "faas.instance": sandbox, "cloud.region": "eu-central-1"}
        if account:
            of_function["cloud.account.id"] = account
        self.requests.append(traces_request(made, service=function, resource_attributes=of_function))
        return place


_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def in_engine(request: ExportTraceServiceRequest) -> engine.Span:
    """What `spans.sql` and `rows.py` make of a span."""
    [group] = request.resource_spans
    [[sent]] = [scope.spans for scope in group.scope_spans]
    of_function = {each.key: each.value.string_value for each in group.resource.attributes}
    said = {each.key: each.value for each in sent.attributes}
    texts = {key: value.string_value for key, value in said.items()}
    lists = {
        key: tuple(each.string_value for each in said[key].array_value.values) if key in said else ()
        for key in (PRODUCED, CONSUMED)
    }
    account = of_function.get("cloud.account.id", "")
    return engine.Span(
        ref=engine.Ref(sent.trace_id.hex(), sent.span_id.hex(), _KINDS[sent.kind]),
        parent_span_id=sent.parent_span_id.hex(),
        name=sent.name,
        service=of_function["service.name"],
        start_ns=sent.start_time_unix_nano,
        duration_ns=sent.end_time_unix_nano - sent.start_time_unix_nano,
        status=_STATUSES[sent.status.code],
        status_message=sent.status.message,
        error_type=texts.get("error.type", ""),
        function=engine.Function(account, of_function["cloud.region"], of_function["faas.name"]),
        process=of_function["faas.instance"],
        request_id=texts.get("faas.invocation_id", ""),
        destination=texts.get("messaging.destination.name", ""),
        account=account,
        region=of_function["cloud.region"],
        produced=lists[PRODUCED],
        consumed=lists[CONSUMED],
        step=texts.get("coldlight.step_functions.state.name", ""),
        step_retries=said[RETRIES].int_value if RETRIES in said else None,
        links=tuple(_engine_link(link) for link in sent.links),
    )


def _engine_link(link: Span.Link) -> engine.SpanLink:
    said = [each.value.string_value for each in link.attributes]
    return engine.SpanLink(link.trace_id.hex(), link.span_id.hex(), ":".join(said))


def _link(place: Place, message_id: str) -> Span.Link:
    """Of a Kafka record, the id is partition and offset."""
    partition, _, offset = message_id.rpartition(":")
    said = {"messaging.message.id": message_id} if message_id else {}
    if partition:
        said = {"messaging.destination.partition.id": partition, "messaging.kafka.offset": offset}
    return Span.Link(
        trace_id=trace_id(place.trace), span_id=span_id(place.number), attributes=attributes(said)
    )


def hops(transaction: dict[str, Any]) -> list[tuple[int, int, str, int]]:
    """Producer and consumer by their numbers, rule, attempt."""
    return [
        (_number(hop["producer"]), _number(hop["consumer"]), hop["rule"], hop["attempt"])
        for hop in transaction["hops"]
    ]


def members(transaction: dict[str, Any]) -> set[int]:
    """The numbers of all its spans."""
    return {_number(each) for each in transaction["timeline"]}


def _number(ref: dict[str, Any]) -> int:
    return int(ref["span_id"], 16)
