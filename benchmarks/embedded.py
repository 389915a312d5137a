"""Prints the footprint of an embedded ClickHouse that nobody has open: `python -m benchmarks.embedded FOLDER`."""

import sys
from dataclasses import astuple

import clickhouse_connect

from benchmarks.clickhouse import footprint


def main() -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
    found = footprint(client)
    print(*astuple(found))


if __name__ == "__main__":
    main()
