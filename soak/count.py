"""Prints what the embedded tables of a stopped Coldlight hold: `python -m soak.count FOLDER`.

A process of its own, for chDB opens one folder a process.
"""

import sys
from pathlib import Path

import orjson

from coldlight_storage import EmbeddedStore
from soak.verdict import STORED

store = EmbeddedStore(Path(sys.argv[1]), memory_bytes=2 << 30)
print(orjson.dumps({signal.value: store.select(sql) for signal, sql in STORED.items()}).decode())
store.close()
