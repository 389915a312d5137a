"""Prints the footprint of an embedded ClickHouse that nobody has open: `python -m benchmarks.embedded FOLDER SIGNAL`."""

import sys
from dataclasses import astuple

import clickhouse_connect

from benchmarks.clickhouse import footprint
from benchmarks.signals import SIGNALS


def main() -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
    found = footprint(client, SIGNALS[sys.argv[2]])
    print(*astuple(found))


if __name__ == "__main__":
    main()
