"""Builds the layer's zip: `python -m layer_build`, or `make layer`.

The same sources give the same bytes on every machine, or no zip: times, order, permissions and owners are fixed, bytecode is made
by one Python of each version with nothing of its process in it (`bytecode`), and where a Python is missing or zlib is not the usual
one, that is said instead of writing other bytes.
"""
