"""What waits to be sent: records, and batches of them that were tried and may be tried again. Its memory is bounded."""

from __future__ import annotations

import time
import zlib

from coldlight_lambda import __version__, otlp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from coldlight_lambda.spans import Attributes

TRACES, LOGS = "/v1/traces", "/v1/logs"
_SCOPE = otlp.scope("coldlight_lambda", __version__)
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 5
_RECORD_OVERHEAD = 200
"""What a record costs in memory beside its bytes, about."""
_MOST_BATCH_BYTES = 2 << 20
MOST_BYTES = 8 << 20
"""Of all that is held. Beyond it the oldest goes, and is counted."""


class Batch:
    """A request, made once: the collector knows one that it has seen by its bytes."""

    __slots__ = ("attempts", "body", "path", "records")

    def __init__(self, path: str, body: bytes, records: int) -> None:
        self.path = path
        self.body = body
        self.records = records
        self.attempts = 0


class Outbox:
    """For several threads only under the station's lock, but for `pack`."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting: dict[str, list[tuple[int, Any]]] = {TRACES: [], LOGS: []}
        self._waiting_bytes = 0
        self._batches: list[Batch] = []
        self._batch_bytes = 0
        self._since = 0.0
        self.dropped = {TRACES: 0, LOGS: 0}

    def add(self, path: str, record: Any, size: int) -> None:
        """A record, in whatever form `take`'s reader encodes; `size` is about what it takes in bytes."""
        if not self._waiting_bytes:
            self._since = time.time()
        self._waiting[path].append((size + _RECORD_OVERHEAD, record))
        self._waiting_bytes += size + _RECORD_OVERHEAD
        while self._waiting_bytes + self._batch_bytes > self._most_bytes:
            self._drop_oldest()

    @property
    def is_empty(self) -> bool:
        return not self._batches and not self._waiting_bytes

    @property
    def waiting_bytes(self) -> int:
        return self._waiting_bytes

    @property
    def age_s(self) -> float:
        """Of the oldest record that was never tried."""
        return time.time() - self._since if self._waiting_bytes else 0.0

    def first(self) -> Optional[Batch]:
        return self._batches[0] if self._batches else None

    def take(self) -> Optional[tuple[str, list[Any]]]:
        """Records for one request, spans before logs: to be packed and given back by `put`."""
        for path, waiting in self._waiting.items():
            count = total = 0
            for size, _ in waiting:
                if count and total + size > _MOST_BATCH_BYTES:
                    break
                count, total = count + 1, total + size
            if count:
                taken = [record for _, record in waiting[:count]]
                del waiting[:count]
                self._waiting_bytes -= total
                self._since = time.time()
                return path, taken
        return None

    def put(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._batch_bytes += len(batch.body)

    def remove(self, batch: Batch, is_lost: bool) -> None:
        """A batch that has arrived, or that nobody will take. Nothing if it was dropped meanwhile."""
        if batch in self._batches:
            self._batches.remove(batch)
            self._batch_bytes -= len(batch.body)
            if is_lost:
                self.dropped[batch.path] += batch.records

    def _drop_oldest(self) -> None:
        if self._batches:
            self.remove(self._batches[0], is_lost=True)
            return
        path = max(self._waiting, key=lambda path: len(self._waiting[path]))
        size, _ = self._waiting[path].pop(0)
        self._waiting_bytes -= size
        self.dropped[path] += 1


def pack(path: str, resource: Attributes, records: list[Any], encode: Callable[[Any], bytes]) -> Batch:
    """A request with these records, compressed: milliseconds of work, so it is done outside of any lock."""
    message = otlp.request(resource, _SCOPE, [encode(record) for record in records])
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return Batch(path, packer.compress(message) + packer.flush(), len(records))
