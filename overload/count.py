"""Prints how many spans the embedded tables of a stopped Coldlight hold: `python -m overload.count FOLDER`."""

import sys
from pathlib import Path

from coldlight_storage import EmbeddedStore

store = EmbeddedStore(Path(sys.argv[1]), memory_bytes=2 << 30)
print(store.select("SELECT count() AS spans FROM otel_traces")[0]["spans"])
store.close()
