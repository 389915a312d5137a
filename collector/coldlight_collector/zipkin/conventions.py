"""What OpenTelemetry's exporters put into Zipkin's tags and annotations, read back.

Sources: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation" and "Transformation to non-OTLP
Formats"; for links, typed events and the source of the service name, which these leave open, the collector's Zipkin
exporter. A `take_` function removes from `tags` what it has carried into a field, and nothing else: what cannot be
read stays the attribute that it was sent as.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from coldlight_collector.zipkin.span import Value

Tags = dict[str, Value]

_SERVICE_NAME = "service.name"
_SERVICE_NAME_SOURCE = "otlp.service.name.source"
_NO_SERVICE_NAME = "OTLPResourceNoServiceName"
_OF_RESOURCES = (
    "aws.ecs.", "aws.eks.", "aws.log.", "cloud.", "container.", "deployment.", "device.", "faas.instance",
    "faas.max_memory", "faas.name", "faas.version", "host.", "k8s.", "os.", "process.", "service.", "telemetry.",
    "webengine.",
)  # fmt: skip
"""Resource attributes in the semantic conventions: exporters mix them with those of the span."""
_OF_SPANS_ALL_THE_SAME = "service.peer."

_UNSET, _OK, _ERROR = 0, 1, 2
_STATUS_CODES = {"OK": _OK, "ERROR": _ERROR}

_MOST_LINKS = 128
_LINK = re.compile(r'"?([0-9a-f]{32})"?\|"?([0-9a-f]{16})"?\|([^|]*)\|(\{.*\})\|([0-9]{1,9})', re.DOTALL)
_COUNT = re.compile(r"[0-9]{1,9}")

_EVENT_FORMS = (
    # the collector: name|{...}|dropped
    re.compile(r"(?P<name>[^|]+)\|(?P<attributes>\{.*\})\|(?P<dropped>[0-9]{1,9})", re.DOTALL),
    # Go's SDK: name: {...}
    re.compile(r"(?P<name>[^{|]+?): (?P<attributes>\{.*\})(?P<dropped>)", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Event:
    """The name, attributes and count of dropped ones that an annotation's value stands for."""

    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: bytes
    span_id: bytes
    trace_state: str
    attributes: Mapping[str, Value]
    dropped: int


def take_resource(service_name: str, tags: Tags) -> dict[str, str]:
    """The attributes of the resource. The endpoint's service name may stand for another attribute."""
    resource = {}
    if service_name and service_name != _NO_SERVICE_NAME:
        source = tags.pop(_SERVICE_NAME_SOURCE, None)
        resource[source if isinstance(source, str) else _SERVICE_NAME] = service_name
    for key in [key for key in tags if _is_of_resource(key)]:
        value = tags[key]
        if isinstance(value, str) and resource.setdefault(key, value) == value:
            del tags[key]
    return resource


def _is_of_resource(key: str) -> bool:
    return key.startswith(_OF_RESOURCES) and not key.startswith(_OF_SPANS_ALL_THE_SAME)


def take_scope(tags: Tags) -> tuple[str, str]:
    """Name and version of the instrumentation scope."""
    name = _take_alias(tags, "otel.scope.name", "otel.library.name")
    return name, _take_alias(tags, "otel.scope.version", "otel.library.version")


def _take_alias(tags: Tags, *keys: str) -> str:
    """The text that several keys share; one that says something else stays."""
    found = ""
    for key in keys:
        value = tags.get(key, found)
        if value is None or (isinstance(value, str) and found in ("", value)):
            found = value or found
            tags.pop(key, None)
    return found


def take_status(tags: Tags) -> tuple[int, str]:
    """Code and message. To Zipkin, any `error` is one; "false" is what OpenTelemetry's exporters leave out."""
    code = _take_status_code(tags)
    if code == _UNSET and tags.get("error") not in (None, False, "false"):
        code = _ERROR
    return code, _take_status_message(tags) if code == _ERROR else ""


def _take_status_code(tags: Tags) -> int:
    name = tags.get("otel.status_code")
    code = _STATUS_CODES.get(name.upper().removeprefix("STATUS_CODE_")) if isinstance(name, str) else None
    if code is None:
        return _UNSET
    del tags["otel.status_code"]
    return code


def _take_status_message(tags: Tags) -> str:
    """The description; without one, what stands in `error`, unless that says only that there is one."""
    message = tags.get("otel.status_description")
    if isinstance(message, str):
        del tags["otel.status_description"]
    else:
        message = ""
    error = tags.get("error", "")
    if error is True or error in ("", "true", message):
        tags.pop("error", None)
    elif isinstance(error, str) and not message:
        del tags["error"]
        return error
    return message


def take_count(tags: Tags, of: str) -> int:
    """How many attributes, events or links were dropped before sending."""
    key = f"otel.dropped_{of}_count"
    value = tags.get(key)
    if not (isinstance(value, str) and _COUNT.fullmatch(value)):
        return 0
    del tags[key]
    return int(value)


def take_text(tags: Tags, key: str) -> str:
    value = tags.get(key)
    if not isinstance(value, str):
        return ""
    del tags[key]
    return value


def take_links(tags: Tags) -> Iterator[Link]:
    """The links in `otlp.link.0`, `otlp.link.1` and so on, each trace|span|state|{attributes}|dropped."""
    for number in range(_MOST_LINKS):
        key = f"otlp.link.{number}"
        if key not in tags:
            return
        value = tags[key]
        parts = _LINK.fullmatch(value) if isinstance(value, str) else None
        attributes = _read_attributes(parts[4]) if parts else None
        if parts and attributes is not None:
            del tags[key]
            trace_id, span_id = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
            yield Link(trace_id, span_id, parts[3], attributes, int(parts[5]))


def read_event(value: str) -> Event:
    """An annotation's value as an event: exporters append the attributes to its name, each in a form of its own.

    A value in no such form is the name as it stands.
    """
    if value.startswith(("{", '"')):
        return _read_json_event(value) or Event(value)
    for form in _EVENT_FORMS:
        parts = form.fullmatch(value)
        attributes = _read_attributes(parts["attributes"]) if parts else None
        if parts and attributes is not None:
            return Event(parts["name"], attributes, int(parts["dropped"] or 0))
    return Event(value)


def _read_json_event(value: str) -> Event | None:
    """`"name":{...}` as the specification has it, or in braces, as Python's SDK writes it."""
    document = _read_json(value if value.startswith("{") else f"{{{value}}}")
    if type(document) is not dict or len(document) != 1:
        return None
    [(name, attributes)] = document.items()
    return Event(name, attributes) if _are_attributes(attributes) else None


def _read_attributes(text: str) -> dict[str, Value] | None:
    """Attributes in JSON; None for what OpenTelemetry's attributes cannot be, so that it stays text."""
    document = _read_json(text)
    return document if _are_attributes(document) else None


def _read_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _are_attributes(document: Any) -> bool:
    return type(document) is dict and all(map(_is_attribute, document.values()))


def _is_attribute(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(item, list | dict) for item in value)
    return not isinstance(value, dict)
