"""What the recorder tells the shipper, over loopback TCP: frames, each a kind, a request id and a content.

    1 byte   kind, a letter
    1 byte   length of the request id; 0 in what belongs to no invocation
    4 bytes  length of the content, big-endian
    then     the request id in ASCII, and the content

Spans come as encoded OTLP `Span` messages. A span that is sent while it is open (a start record, the stub of a remote call)
is completed by the frame that follows it with the same span id, or by the shipper, should the process have died.
"""

from __future__ import annotations

import struct

HELLO = b"H"
"""First on every connection: the resource's attributes as JSON."""
START = b"S"
"""An invocation begins: JSON of `Start`, a zero byte, and its root span, open."""
OPEN = b"O"
"""A span that is under way."""
SPAN = b"P"
"""A span that has ended."""
END = b"E"
"""The invocation's own span, ended: nothing more comes of it."""
DROPPED = b"D"
"""So many frames were dropped before this one, as the shipper did not read: a number in ASCII."""

_HEAD = struct.Struct(">cBI")
LONGEST_CONTENT = 4 << 20


class BrokenFrame(Exception):
    """What came is no frame: whoever sent it is no recorder."""


def encode(kind: bytes, request_id: str, content: bytes) -> bytes:
    """A frame. Raises ValueError for what does not fit into one."""
    identifier = request_id.encode("ascii", "replace")
    if len(identifier) > 255 or len(content) > LONGEST_CONTENT:
        raise ValueError(f"a frame of {len(content)} bytes: at most {LONGEST_CONTENT} are taken")
    return _HEAD.pack(kind, len(identifier), len(content)) + identifier + content


class Frames:
    """Takes frames out of a stream, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> list[tuple[bytes, str, bytes]]:
        """The frames that are whole: kind, request id, content. Raises `BrokenFrame`."""
        data, at = self._rest + received, 0
        whole = []
        while len(data) - at >= _HEAD.size:
            kind, width, length = _HEAD.unpack_from(data, at)
            if kind not in (HELLO, START, OPEN, SPAN, END, DROPPED) or length > LONGEST_CONTENT:
                raise BrokenFrame(f"{data[at : at + _HEAD.size]!r} begins no frame")
            begin = at + _HEAD.size + width
            if len(data) < begin + length:
                break
            whole.append(
                (kind, data[begin - width : begin].decode("ascii", "replace"), data[begin : begin + length])
            )
            at = begin + length
        self._rest = data[at:]
        return whole
