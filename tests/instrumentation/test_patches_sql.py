import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import psycopg2
import psycopg2.extras
import pymysql
import pytest
import sqlalchemy
from psycopg.sql import SQL, Identifier
from sqlalchemy.ext.asyncio import create_async_engine
from tests.instrumentation.databases import mysql
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import (
    CLIENT,
    ERROR,
    Recording,
)
from tests.otlp import attributes

from coldlight_lambda.contexts import current
from coldlight_lambda.patches import database_spans

Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def mysql_port() -> Iterator[int]:
    with mysql() as port:
        yield port


def with_psycopg(port: int) -> Run:
    def run(statement: str) -> Any:
        with psycopg.connect(host="127.0.0.1", port=port, user="shop", dbname="postgres") as connection:
            return connection.execute(statement, prepare=False).fetchone()

    return run


def with_async_psycopg(port: int) -> Run:
    async def ask(statement: str) -> Any:
        address: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": "shop", "dbname": "postgres"}
        async with await psycopg.AsyncConnection.connect(**address) as connection:
            return await (await connection.execute(statement)).fetchone()

    return lambda statement: asyncio.run(ask(statement))


def with_psycopg2(port: int) -> Run:
    def run(statement: str) -> Any:
        connection = psycopg2.connect(host="127.0.0.1", port=port, user="shop", dbname="postgres")
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()
        finally:
            connection.close()

    return run


def with_sqlalchemy(port: int) -> Run:
    def run(statement: str) -> Any:
        engine = sqlalchemy.create_engine(f"postgresql+psycopg2://shop@127.0.0.1:{port}/postgres")
        try:
            with engine.connect() as connection:
                return tuple(connection.execute(sqlalchemy.text(statement)).one())
        finally:
            engine.dispose()

    return run


def with_async_sqlalchemy(port: int) -> Run:
    async def ask(statement: str) -> Any:
        engine = create_async_engine(f"postgresql+psycopg://shop@127.0.0.1:{port}/postgres")
        try:
            async with engine.connect() as connection:
                return tuple((await connection.execute(sqlalchemy.text(statement))).one())
        finally:
            await engine.dispose()

    return lambda statement: asyncio.run(ask(statement))


def with_pymysql(port: int) -> Run:
    def run(statement: str) -> Any:
        with pymysql.connect(host="127.0.0.1", port=port, user="shop", database="postgres") as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchone()

    return run


DRIVERS = {
    "psycopg": with_psycopg,
    "async psycopg": with_async_psycopg,
    "psycopg2": with_psycopg2,
    "sqlalchemy": with_sqlalchemy,
    "async sqlalchemy": with_async_sqlalchemy,
    "pymysql": with_pymysql,
}


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, recorded: Recording) -> tuple[Run, int, str]:
    """Runs a statement; the port of its server, and the name of the system."""
    system = "mysql" if request.param == "pymysql" else "postgresql"
    port: int = request.getfixturevalue(f"{system}_port")
    return DRIVERS[request.param](port), port, system


def of_statement(recorded: Recording, text: str) -> Any:
    """The span of a statement: SQLAlchemy asks some of its own when it connects."""
    (span,) = [span for span in recorded.spans() if attributes(span)["db.query.text"] == text]
    return span


def test_a_statement_is_one_span_that_says_what_was_asked(
    driver: tuple[Run, int, str], recorded: Recording
) -> None:
    run, port, system = driver
    assert recorded.invoke(lambda: run("SELECT 1 FROM pg_database WHERE 'secret' <> '4711' LIMIT 1")) == (1,)
    span = of_statement(recorded, "SELECT ? FROM pg_database WHERE ? <> ? LIMIT ?")
    assert (span.name, span.kind, span.status.code) == ("SELECT pg_database", CLIENT, 0)
    assert span.parent_span_id == recorded.root().span_id
    assert attributes(span) == {
        "db.system.name": system,
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
        "db.collection.name": "pg_database",
        "db.query.text": "SELECT ? FROM pg_database WHERE ? <> ? LIMIT ?",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert span.span_id in recorded.announced()


def test_a_statement_that_fails_raises_what_it_would_raise(
    driver: tuple[Run, int, str], recorded: Recording
) -> None:
    run, _, system = driver
    with pytest.raises(Exception, match="missing") as plain:
        run("SELECT * FROM missing")
    with pytest.raises(Exception, match="missing") as seen:
        recorded.invoke(lambda: run("SELECT * FROM missing"))
    assert (type(seen.value), str(seen.value)) == (type(plain.value), str(plain.value))
    span = of_statement(recorded, "SELECT * FROM missing")
    assert span.status.code == ERROR
    assert (
        attributes(span)["error.type"].endswith("Error") or "UndefinedTable" in attributes(span)["error.type"]
    )
    assert attributes(span)["db.response.status_code"] == {"postgresql": "42P01", "mysql": "1235"}[system]


def test_outside_of_an_invocation_a_statement_is_not_recorded(
    driver: tuple[Run, int, str], recorded: Recording
) -> None:
    assert driver[0]("SELECT 1") == (1,)
    assert recorded.frames == []


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT * FROM missing"])
def test_an_error_in_the_recorder_changes_no_statement(
    driver: tuple[Run, int, str], statement: str, recorded: Recording
) -> None:
    assert harm(lambda: driver[0](statement), recorded.invoke, under="patches/") == []


def test_statements_that_psycopg_composes_are_read_as_it_sends_them(
    recorded: Recording, postgresql_port: int
) -> None:
    def handler() -> None:
        address: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": postgresql_port,
            "user": "shop",
            "dbname": "postgres",
        }
        with psycopg.connect(**address) as connection, connection.cursor() as cursor:
            cursor.execute(SQL("SELECT %s FROM {}").format(Identifier("pg_class")), ["secret"])
            cursor.executemany("SELECT %s", [("a",), ("b",)])
            cursor.execute(b"SELECT 'x'")

    recorded.invoke(handler)
    assert [attributes(span)["db.query.text"] for span in recorded.spans()] == [
        'SELECT %s FROM "pg_class"',
        "SELECT %s",
        "SELECT ?",
    ]


def test_cursors_of_psycopg2_stay_what_was_asked_for(recorded: Recording, postgresql_port: int) -> None:
    def handler() -> Any:
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=postgresql_port,
            user="shop",
            dbname="postgres",
            cursor_factory=psycopg2.extras.DictCursor,
        )
        with connection.cursor() as cursor:
            assert isinstance(cursor, psycopg2.extras.DictCursor)
            cursor.execute("SELECT 1 AS one")
            row = cursor.fetchone()
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT 2 AS two")
            second = cursor.fetchone()
        with connection.cursor("named") as cursor:
            cursor.execute("SELECT 3")
            third = cursor.fetchone()
        psycopg2.extras.register_default_json(connection)
        connection.close()
        return row["one"], second["two"], third[0]

    assert recorded.invoke(handler) == (1, 2, 3)
    assert len(recorded.spans()) == 3


def test_a_closed_connection_fails_as_ever(
    recorded: Recording, postgresql_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler() -> None:
        connection = psycopg.connect(host="127.0.0.1", port=postgresql_port, user="shop", dbname="postgres")
        cursor = connection.cursor()
        connection.close()
        cursor.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError, match="the connection is closed"):
        recorded.invoke(handler)
    assert capsys.readouterr().err == ""


def test_a_statement_of_sqlalchemy_on_sqlite_is_recorded(recorded: Recording) -> None:
    def handler() -> None:
        engine = sqlalchemy.create_engine("sqlite://")
        users = sqlalchemy.Table(
            "users", sqlalchemy.MetaData(), sqlalchemy.Column("name", sqlalchemy.String, primary_key=True)
        )
        with engine.begin() as connection:
            users.create(connection)
            connection.execute(users.insert(), [{"name": "jane"}, {"name": "joe"}])
            connection.execute(users.update().values(name="x").where(users.c.name == "jane"))
        engine.dispose()

    recorded.invoke(handler)
    assert [span.name for span in recorded.spans()][-3:] == ["CREATE users", "INSERT users", "UPDATE users"]
    assert attributes(recorded.spans()[-1])["db.query.text"] == "UPDATE users SET name=? WHERE users.name = ?"
    assert attributes(recorded.spans()[-1])["db.system.name"] == "sqlite"


def test_a_listener_that_raises_leaves_no_span_behind(recorded: Recording) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError("no statements today")

    def handler() -> None:
        engine = sqlalchemy.create_engine("sqlite://")
        sqlalchemy.event.listen(engine, "before_cursor_execute", refuse)
        with engine.connect() as connection, pytest.raises(PermissionError):
            connection.execute(sqlalchemy.text("SELECT 1"))
        engine.dispose()
        root = current.get()
        assert root is not None
        assert root.name == "shop"

    recorded.invoke(handler)
    assert recorded.only().status.code == ERROR


@pytest.mark.parametrize(
    ("system", "text", "safe"),
    [
        (
            "postgresql",
            "SELECT * FROM t1 WHERE a = 'it''s' AND b = 3.5e2",
            "SELECT * FROM t1 WHERE a = ? AND b = ?",
        ),
        ("postgresql", r"SELECT E'a\'b', 'c\', $$d'e$$, $x$f$x$", "SELECT ?, ?, ?, ?"),
        ("postgresql", 'SELECT a::int4, $1, %s, %(name)s, :name, "Col 1"', None),
        ("postgresql", "SELECT 'never ends", "SELECT ?"),
        ("postgresql", "SELECT 1 -- for jane@example.com\n+ 2 /* 'x' */", "SELECT ?  \n+ ?"),
        ("mysql", r"""SELECT "it's", 'a\'b', `col 1` # 'x'""", "SELECT ?, ?, `col 1`"),
        ("mysql", "SELECT x'4D79', 0xFF, -1", "SELECT ?, ?, -?"),
        ("sqlite", "SELECT ?, ?1, @name, [col] FROM t", None),
    ],
)
def test_literals_stay_in_the_function(system: str, text: str, safe: str | None) -> None:
    assert database_spans.statement(text, system)["db.query.text"] == (safe or text)


@pytest.mark.parametrize(
    ("text", "operation", "table"),
    [
        ("/* a */ select * from public.users", "SELECT", "public.users"),
        ('INSERT INTO "Orders" VALUES (1)', "INSERT", "Orders"),
        ("SELECT * FROM a JOIN b USING (id)", "SELECT", None),
        ("DELETE FROM ONLY users", "DELETE", "users"),
        ("CREATE TABLE IF NOT EXISTS users (id int)", "CREATE", "users"),
        ("COPY orders (id) FROM STDIN", "COPY", "orders"),
        ("COPY (SELECT * FROM orders) TO STDOUT", "COPY", "orders"),
        ("BEGIN", "BEGIN", None),
        ("", None, None),
    ],
)
def test_what_a_statement_does_and_to_what(text: str, operation: str | None, table: str | None) -> None:
    told = database_spans.statement(text, "postgresql")
    assert (told["db.operation.name"], told["db.collection.name"]) == (operation, table)
