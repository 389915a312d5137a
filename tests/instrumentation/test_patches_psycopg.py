"""What psycopg 3 does while the function does other things: rows of a stream, and COPY."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import psycopg
import pytest
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import CLIENT, Recording
from tests.otlp import attributes

from coldlight_lambda import recorder


def address(port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "user": "shop", "dbname": "postgres"}


def with_cursor(port: int, work: Callable[[Any], Any]) -> Any:
    with psycopg.connect(**address(port)) as connection, connection.cursor() as cursor:
        return work(cursor)


def with_async_cursor(port: int, work: Callable[[Any], Any]) -> Any:
    async def run() -> Any:
        async with (
            await psycopg.AsyncConnection.connect(**address(port)) as connection,
            connection.cursor() as cursor,
        ):
            return await work(cursor)

    return asyncio.run(run())


def streamed(port: int, statement: str, most: int) -> list[Any]:
    """The first rows, and calls between them."""

    def work(cursor: Any) -> list[Any]:
        rows = []
        for row in cursor.stream(statement):
            rows.append(row)
            between()
            if len(rows) == most:
                break
        return rows

    return list(with_cursor(port, work))


def async_streamed(port: int, statement: str, most: int) -> list[Any]:
    async def work(cursor: Any) -> list[Any]:
        rows = []
        async with aclosing(cursor.stream(statement)) as stream:
            async for row in stream:
                rows.append(row)
                between()
                if len(rows) == most:
                    break
        return rows

    return list(with_async_cursor(port, work))


def between() -> None:
    """A call of the function between two rows."""
    span = recorder.start("between", CLIENT)
    assert span is not None
    recorder.end(span)


def copied(port: int, statement: str) -> Any:
    def work(cursor: Any) -> Any:
        cursor.execute("CREATE TEMPORARY TABLE orders (id int)")
        with cursor.copy(statement) as copy:
            between()
            copy.write_row((4711,))
        return cursor.execute("SELECT id FROM orders").fetchall()

    return with_cursor(port, work)


def async_copied(port: int, statement: str) -> Any:
    async def work(cursor: Any) -> Any:
        await cursor.execute("CREATE TEMPORARY TABLE orders (id int)")
        async with cursor.copy(statement) as copy:
            between()
            await copy.write_row((4711,))
        return await (await cursor.execute("SELECT id FROM orders")).fetchall()

    return with_async_cursor(port, work)


@pytest.mark.parametrize("stream", [streamed, async_streamed])
@pytest.mark.parametrize("most", [2, 5])
def test_a_stream_of_rows_is_one_span_until_it_is_read_or_left(
    stream: Callable[[int, str, int], Any], most: int, recorded: Recording, postgresql_port: int
) -> None:
    statement = "SELECT * FROM generate_series(1, 3)"
    rows = recorded.invoke(lambda: stream(postgresql_port, statement, most))
    assert rows == [(1,), (2,), (3,)][:most]
    span = recorded.spans()[-1]
    assert (span.name, span.status.code) == ("SELECT generate_series", 0)
    root = recorded.root().span_id
    assert {each.parent_span_id for each in recorded.spans()} == {root}
    assert len(recorded.spans()) == len(rows) + 1


@pytest.mark.parametrize("stream", [streamed, async_streamed])
def test_a_stream_that_fails_raises_what_it_would_raise(
    stream: Callable[[int, str, int], Any], recorded: Recording, postgresql_port: int
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        recorded.invoke(lambda: stream(postgresql_port, "SELECT * FROM missing", 1))
    assert attributes(recorded.only())["db.response.status_code"] == "42P01"


@pytest.mark.parametrize("copy", [copied, async_copied])
def test_a_copy_is_one_span_and_what_is_done_meanwhile_is_beside_it(
    copy: Callable[[int, str], Any], recorded: Recording, postgresql_port: int
) -> None:
    assert recorded.invoke(lambda: copy(postgresql_port, "COPY orders (id) FROM STDIN")) == [(4711,)]
    names = [span.name for span in recorded.spans()]
    assert names == ["CREATE orders", "between", "COPY orders", "SELECT orders"]


@pytest.mark.parametrize("copy", [copied, async_copied])
def test_a_copy_that_fails_raises_what_it_would_raise(
    copy: Callable[[int, str], Any], recorded: Recording, postgresql_port: int
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        recorded.invoke(lambda: copy(postgresql_port, "COPY missing FROM STDIN"))
    assert attributes(recorded.spans()[-1])["error.type"] == "psycopg.errors.UndefinedTable"


def test_an_error_in_the_recorder_changes_no_stream_and_no_copy(
    recorded: Recording, postgresql_port: int
) -> None:
    def handler() -> list[Any]:
        def work(cursor: Any) -> list[Any]:
            cursor.execute("CREATE TEMPORARY TABLE orders (id int)")
            with cursor.copy("COPY orders FROM STDIN") as copy:
                copy.write_row((4711,))
            return list(cursor.stream("SELECT id FROM orders"))

        return list(with_cursor(postgresql_port, work))

    assert harm(handler, recorded.invoke, under="patches/") == []
