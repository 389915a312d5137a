"""A process with one ClickHouse in it, embedded or behind a URL: one JSON command a line, one answer a line.

A process of its own, for embedded ClickHouse opens one path a process, and other tests open theirs.
`{"store": rows}` replaces the spans in otel_traces, `{"query": sql, "parameters": {...}}` answers rows.
"""

import json
import sys
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

MAP = "Map(LowCardinality(String), String)"
COLUMNS = {
    "ServiceName": "LowCardinality(String)",
    "SpanName": "LowCardinality(String)",
    "SpanKind": "LowCardinality(String)",
    "StatusCode": "LowCardinality(String)",
    "StatusMessage": "String",
    "Duration": "UInt64",
    "TraceId": "String",
    "SpanId": "String",
    "ParentSpanId": "String",
    "UnixNano": "Int64",
    "ScopeName": "String",
    "ScopeVersion": "String",
    "SpanAttributes": MAP,
    "ResourceAttributes": MAP,
    "ScopeAttributes": MAP,
    "Events.Attributes": f"Array({MAP})",
    "Links.Attributes": f"Array({MAP})",
    "Number": "UInt32",
}
OTEL_TRACES = f"""
    CREATE TEMPORARY TABLE otel_traces (
        {", ".join(f"`{name}` {kind}" for name, kind in COLUMNS.items())},
        Timestamp DateTime64(9) MATERIALIZED fromUnixTimestamp64Nano(UnixNano)
    )
"""


def open_client(url: str) -> Client:
    if url:
        return clickhouse_connect.get_client(dsn=url)
    return clickhouse_connect.get_client(interface="chdb", path=":memory:")


def answer(client: Client, command: dict[str, Any]) -> object:
    if "store" not in command:
        return client.query(command["query"], parameters=command["parameters"]).result_rows
    client.command("TRUNCATE TABLE otel_traces")
    client.insert("otel_traces", command["store"], column_names=list(COLUMNS))
    return None


def main() -> None:
    client = open_client(sys.argv[1])
    client.command(OTEL_TRACES)
    for line in sys.stdin:
        try:
            reply = {"answer": answer(client, json.loads(line))}
        except DatabaseError as error:
            reply = {"error": str(error)}
        print(json.dumps(reply), flush=True)


main()
