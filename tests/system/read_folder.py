"""Prints what queries find in the data folder of a stopped `coldlight up`: `read_folder.py FOLDER SQL...`."""

import sys
from pathlib import Path

import orjson

from coldlight_storage import EmbeddedStore

store = EmbeddedStore(Path(sys.argv[1]), memory_bytes=1 << 30)
print(orjson.dumps([store.select(sql) for sql in sys.argv[2:]], default=str).decode())
store.close()
