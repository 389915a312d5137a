"""Every handler of lambda_api/handlers, run by the real runtime client with the layer and without: its callers see no difference.

The list is made from the folder: whatever a module there defines is called as a handler, whether or not it is fit to be one.
"""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.handler_names import EVERY
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.instrumentation.lambda_api.sandboxes import sandboxes
from tests.otlp import attributes

EVENTS = ({"order": 1}, 0)
NO_EVENT = b"\xff is no UTF-8"
"""The runtime refuses it, whoever the handler is: one is asked."""
WAYS: dict[str, dict[str, Any]] = {
    "bare": {"layer": False},
    "wrapper": {},
    "redirect": {
        "handler": "coldlight_lambda.handler",
        "environment": {
            "COLDLIGHT_HANDLER": "app.hello",
            "COLDLIGHT_PAYLOADS": "on",
            "COLDLIGHT_LOCALS": "true",
        },
        "wrapper": False,
    },
    "thread": {"environment": {"COLDLIGHT_SHIPPER": "thread"}},
}
MOST_EVENTS = {"thread": 1}
"""Of a way that takes its time after each."""
MEMORY_MB = 250
OF_A_FUNCTION_THAT_CALLS = {"AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
"""AWS is not there: its SDK's errors are answers, too."""

REPEATED = re.compile(r"repeated \d{3} more times")
Answers = dict[str, list[tuple[bool, bytes]]]


def request_id(handler: str, event: Any) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{handler} {event!r}"))


def answers_of(sandbox: Sandbox, most_events: int | None) -> Answers:
    return {handler: list(_answers(sandbox, handler, most_events)) for handler in EVERY}


def _answers(sandbox: Sandbox, handler: str, most_events: int | None) -> Iterator[tuple[bool, bytes]]:
    """To each event, until one is the end of the process: the next would be no other."""
    for event in (EVENTS if handler != "app.echo" else (*EVENTS, NO_EVENT))[:most_events]:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = sandbox.invoke(handler.encode() + b"\n" + body, request_id(handler, event))
        yield answer.is_error, answer.body
        if not sandbox.is_up:
            break


@dataclass(frozen=True)
class Run:
    answers: dict[str, Answers]
    """In each way."""
    printed: list[str]
    """What the functions and the layer had to say."""
    recorded: Counter[Any]
    """How often an invocation was recorded, by its request id: it is the same in all ways."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    collector = Collector()
    with sandboxes(tmp_path_factory.mktemp("handlers"), collector.url) as make, ThreadPoolExecutor() as pool:
        made = {}
        for way, how in WAYS.items():
            environment = {**OF_A_FUNCTION_THAT_CALLS, **how.get("environment", {})}
            chosen = {
                "handler": "app.hello",
                "runtime": "several/bootstrap.py",
                "memory_mb": MEMORY_MB,
                **how,
            }
            made[way] = make(**{**chosen, "environment": environment})
        most = [MOST_EVENTS.get(way) for way in made]
        answers = dict(zip(made, pool.map(answers_of, made.values(), most), strict=True))
    printed = [line for sandbox in made.values() for line in (*sandbox.printed, *sandbox.logged)]
    recorded = Counter(attributes(span).get("faas.invocation_id") for span in collector.spans())
    yield Run(answers, printed, recorded)
    collector.close()


@pytest.mark.parametrize("handler", EVERY)
def test_its_answers_are_the_same_with_the_layer_and_without(run: Run, handler: str) -> None:
    expected = [comparable(*answer) for answer in run.answers["bare"][handler]]
    for way in WAYS:
        given = [comparable(*answer) for answer in run.answers[way][handler]]
        assert given == expected[: MOST_EVENTS.get(way)]


def comparable(is_error: bool, body: bytes) -> Any:
    """An answer to the byte, but for two things of stacks that nobody can help who calls a function for another one: what fails in
    the call itself, before the function's own code, has a frame of who called; and of all frames that Python allows, one is ours."""
    stack = json.loads(body).get("stackTrace") if is_error else None
    if not stack:
        return is_error, body
    is_in_vain = all("/bootstrap.py" in frame for frame in stack)
    kept = [frame for frame in stack if not (is_in_vain and "/coldlight_lambda/" in frame)]
    same = [REPEATED.sub("repeated", frame) for frame in kept]
    return is_error, json.dumps({**json.loads(body), "stackTrace": same})


@pytest.mark.parametrize("handler", [handler for handler in EVERY if handler != "callables.nothing"])
def test_its_invocations_are_recorded(run: Run, handler: str) -> None:
    """By the extension: a thread dies with the process. What cannot be loaded is never invoked."""
    _, body = run.answers["bare"][handler][0]
    is_loaded = b'"requestId": ""' not in body
    assert run.recorded[request_id(handler, EVENTS[0])] >= (2 if is_loaded else 0)


def test_the_recorder_complains_only_of_what_refuses_to_be_looked_at(run: Run) -> None:
    assert {line.rstrip() for line in run.printed if line.startswith("coldlight:")} == {
        "coldlight: the handler could not be wrapped: __coldlight__ is not for you",
        "coldlight: a part of the recorder failed and was skipped: record_error: RuntimeError: that is mine, too",
    }
