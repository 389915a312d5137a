"""Coldlight measured beside other collectors, on one machine and one ClickHouse: `python -m benchmarks`."""
