"""Rewrites a segment that ClickHouse refuses into one that it takes.

Protobuf has several spellings for one message, and ClickHouse's reader is stricter than others: a known field of a
wrong wire type, for instance, is an unknown field to them and an error to it, and fails the whole batch. Every
request is therefore read and written anew; what no reader of OTLP would have understood is left out.
"""

import os
from pathlib import Path

from coldlight_collector.journal.frames import encode, scan, trim
from coldlight_collector.journal.segment import sync_folder
from coldlight_storage import Signal
from coldlight_storage.stored import STORED_TYPE


def salvage(path: Path, signal: Signal) -> None:
    """Rewrites every request of a sealed segment in protobuf's plainest form, in place. Raises OSError."""
    rewritten = path.with_suffix(".rewritten")
    with path.open("rb") as old, rewritten.open("wb") as new:
        for frame in scan(old):
            old.seek(frame.start)
            request = STORED_TYPE[signal].FromString(trim(old.read(frame.end - frame.start)))
            request.DiscardUnknownFields()
            body = request.SerializeToString()
            new.writelines(encode(body, frame.sequence, frame.received_ns, frame.items))
            old.seek(frame.end)
        new.flush()
        os.fsync(new.fileno())
    rewritten.rename(path)
    sync_folder(path.parent)
