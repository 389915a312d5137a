"""End-to-end requests, put together when they are read (docs/adr/0017).

Read `reading.py` for the flow, `joins.py` for the rules by which spans belong together, `stitching.py` for how a request is
followed. `spans.py`, `records.py` and `trees.py` are what these work on; `loading.py` is the only other file that asks the store.
"""
