"""Trace context as it travels: W3C, X-Ray's header and B3, and the span that is current here.

Whatever comes from outside is read without ever raising: a broken header is no header.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from coldlight_lambda.spans import SAMPLED, Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

    from coldlight_lambda.spans import Span

current: ContextVar[Optional[Span]] = ContextVar("coldlight_span", default=None)
"""The innermost span of this thread, or of this asyncio task."""

CARRIED = frozenset(("traceparent", "tracestate", "x-amzn-trace-id", "b3", "x-b3-traceid", "x-b3-spanid"))
"""Names, in lower case, of the headers and message attributes that `upstream` reads."""

_HEX = frozenset("0123456789abcdefABCDEF")
_LONGEST_HEADER = 1024
_LONGEST_TRACE_STATE = 512
_KNOWN_FLAGS = 0x03
"""Sampled, and random trace id; the others are "reserved for future use", and set to zero (section 3.2.2.5)."""


def new_trace_id() -> bytes:
    """16 random bytes; from the system, for a snapshot of a process must not repeat its ids."""
    return os.urandom(16)


def new_span_id() -> bytes:
    return os.urandom(8)


def upstream(carried: Mapping[str, str], xray: str = "") -> Context | None:
    """The span that sent this, by the first that tells: W3C, `xray`, an X-Ray header, B3.

    `carried` has headers or message attributes, their names in lower case (`CARRIED`); `xray` is what AWS keeps beside them,
    such as an SQS message's `AWSTraceHeader`. What somebody has written explicitly counts before what AWS adds by itself.
    """
    if not carried:
        return from_xray(xray) if xray else None
    return (
        from_traceparent(carried.get("traceparent", ""), carried.get("tracestate", ""))
        or from_xray(xray)
        or from_xray(carried.get("x-amzn-trace-id", ""))
        or from_b3(carried)
    )


def from_traceparent(header: str, trace_state: str = "") -> Context | None:
    """W3C Trace Context, level 2, section 3.2: `00-<32 hex>-<16 hex>-<2 hex>`; later versions may say more behind it."""
    parts = header.strip().split("-", 4) if len(header) <= _LONGEST_HEADER else ()
    if (
        len(parts) < 4
        or (parts[0] == "00" and len(parts) > 4)
        or parts[0] == "ff"
        or header != header.lower()
    ):
        return None
    version, trace_id, span_id, flags = (
        _id(parts[0], 1),
        _id(parts[1], 16),
        _id(parts[2], 8),
        _id(parts[3], 1),
    )
    if version is None or trace_id is None or span_id is None or flags is None:
        return None
    if not any(trace_id) or not any(span_id):
        return None
    return Context(trace_id, span_id, _shortened(trace_state), flags[0] & _KNOWN_FLAGS)


def _shortened(trace_state: str) -> str:
    """Of a list that is too long, the members in front, for the latest writer is the first (section 3.3.1.5)."""
    if len(trace_state) <= _LONGEST_TRACE_STATE:
        return trace_state
    return trace_state[: _LONGEST_TRACE_STATE + 1].rpartition(",")[0]


def to_traceparent(context: Context) -> str:
    return f"00-{context.trace_id.hex()}-{context.span_id.hex()}-{context.flags:02x}"


def from_b3(headers: Mapping[str, str]) -> Context | None:
    """B3 in one header or in several, their names in lower case (github.com/openzipkin/b3-propagation)."""
    single = headers.get("b3", "").strip().split("-", 2)
    if len(single) >= 2:
        trace_id, span_id = _b3_trace_id(single[0]), _id(single[1], 8)
    else:
        trace_id = _b3_trace_id(headers.get("x-b3-traceid", "").strip())
        span_id = _id(headers.get("x-b3-spanid", "").strip(), 8)
    if not trace_id or not span_id or not any(trace_id) or not any(span_id):
        return None
    return Context(trace_id, span_id)


def _b3_trace_id(text: str) -> bytes | None:
    return _id(text.rjust(32, "0"), 16) if len(text) in (16, 32) else None


def from_xray(header: str) -> Context | None:
    """The sender's span in `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;...`. Whether X-Ray samples it says nothing to us."""
    fields = xray_fields(header)
    trace_id, span_id = _root(fields), _id(fields.get("Parent", ""), 8)
    if trace_id is None or span_id is None or not any(span_id):
        return None
    return Context(trace_id, span_id)


def xray_trace_id(header: str) -> bytes | None:
    """The trace id in an X-Ray header, which its `Root` is, without the dashes and the version."""
    return _root(xray_fields(header))


def _root(fields: Mapping[str, str]) -> bytes | None:
    root = fields.get("Root", "").split("-")
    if len(root) != 3 or root[0] != "1" or len(root[1]) != 8:
        return None
    trace_id = _id(root[1] + root[2], 16)
    return trace_id if trace_id and any(trace_id) else None


def to_xray(context: Context, received: str = "") -> str:
    """Our span as an X-Ray header; what else `received` says, such as its `Sampled` and `Lineage`, is passed on."""
    hexadecimal = context.trace_id.hex()
    fields = xray_fields(received)
    ours = {
        "Root": f"1-{hexadecimal[:8]}-{hexadecimal[8:]}",
        "Parent": context.span_id.hex(),
        "Sampled": fields.get("Sampled", str(context.flags & SAMPLED)),
    }
    return ";".join([f"{name}={value}" for name, value in {**ours, **fields, **ours}.items()])


def xray_fields(header: str) -> dict[str, str]:
    """The fields of an X-Ray header, in their order."""
    if not header or len(header) > _LONGEST_HEADER:
        return {}
    fields = {}
    for part in header.split(";"):
        name, separator, value = part.partition("=")
        if separator:
            fields[name.strip()] = value.strip()
    return fields


def _id(text: str, size: int) -> bytes | None:
    if len(text) != 2 * size or not _HEX.issuperset(text):
        return None
    return bytes.fromhex(text)
