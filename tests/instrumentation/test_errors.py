import builtins
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coldlight_lambda import errors
from coldlight_lambda.bootstrap import wrap
from coldlight_lambda.settings import Settings
from coldlight_lambda.spans import ERROR, SERVER, Context, Span


@pytest.fixture(autouse=True)
def no_locals_afterwards() -> Iterator[None]:
    yield
    errors.set_up(Settings({}))


def raised(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any is meant
        call()
    return caught.value


def recorded(error: BaseException) -> dict[str, Any]:
    span = Span(Context(b"t" * 16, b"s" * 8), b"", "orders", SERVER, 1)
    errors.record_error(span, error)
    assert span.status == ERROR
    return dict(span.events[0].attributes)


def charge() -> None:
    card = {"number": "4111111111111111", "password": "hunter2"}
    if card:
        raise ValueError("declined")


def charge_again() -> None:
    try:
        charge()
    except ValueError as error:
        raise RuntimeError("no order") from error


def as_python_prints(error: BaseException) -> str:
    """Without the marks that later Pythons set under a source line."""
    lines = "".join(traceback.format_exception(error)).splitlines(keepends=True)
    return "".join(line for line in lines if line.strip(" ~^\n"))


def without_blank_lines(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if line.strip())


def test_an_exception_is_recorded_with_type_message_and_stack() -> None:
    error = raised(charge)
    found = recorded(error)
    assert (found["exception.type"], found["exception.message"]) == ("ValueError", "declined")
    assert found["exception.stacktrace"] == as_python_prints(error)


def test_the_causes_come_first_as_python_prints_them() -> None:
    error = raised(charge_again)
    stack = recorded(error)["exception.stacktrace"]
    assert without_blank_lines(stack) == as_python_prints(error)
    assert "The above exception was the direct cause" in stack


def test_what_happened_while_another_exception_was_handled_is_told_too() -> None:
    def handle() -> None:
        try:
            charge()
        except ValueError:
            list[int]().pop()

    assert "During handling of the above exception" in recorded(raised(handle))["exception.stacktrace"]


def test_a_context_that_was_suppressed_is_not_told() -> None:
    def handle() -> None:
        try:
            charge()
        except ValueError:
            raise KeyError("k") from None

    assert "declined" not in recorded(raised(handle))["exception.stacktrace"]


def test_causes_in_a_circle_come_to_an_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert recorded(first)["exception.stacktrace"].count("ValueError") == 2


def test_our_own_frames_are_not_in_the_stack() -> None:
    def handler(event: Any, context: Any) -> None:
        seen.append(sys.exc_info())
        charge()

    seen: list[Any] = []
    stack = recorded(raised(lambda: wrap(handler)({}, None)))["exception.stacktrace"]
    assert "in charge" in stack
    assert "coldlight_lambda" not in stack


def test_a_recursion_without_end_is_recorded_in_short() -> None:
    def again(n: int) -> int:
        return again(n + 1) + 1

    found = recorded(raised(lambda: again(0)))
    assert found["exception.type"] == "RecursionError"
    assert found["exception.stacktrace"].count("in again") <= 100
    assert " frames ..." in found["exception.stacktrace"]


def test_a_message_is_masked_and_capped() -> None:
    found = recorded(ValueError("card 4111111111111111, password=hunter2, " + "x" * 100_000))
    assert found["exception.message"].startswith("card ***, password=***, xxx")
    assert len(found["exception.message"]) <= 4096
    assert "hunter2" not in found["exception.stacktrace"]


def test_source_lines_of_a_stack_are_masked() -> None:
    def connect(user: str, *, password: str) -> None:
        raise ConnectionError("refused")

    def login() -> None:
        connect("jane", password="hunter2")

    stack = recorded(raised(login))["exception.stacktrace"]
    assert '    connect("***\n' in stack
    assert "hunter2" not in stack


@pytest.mark.parametrize("failure", [TypeError, SystemExit])
def test_an_exception_that_cannot_say_what_it_is_harms_nobody(failure: type[BaseException]) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise failure("no")

    found = recorded(Mute())
    assert found["exception.message"] == f"<its text raised {failure.__name__}>"
    assert found["exception.type"].endswith("Mute")


def test_notes_and_the_members_of_a_group_are_told() -> None:
    error = ExceptionGroup("two failed", [ValueError("a"), KeyError("b")])
    error.add_note("while packing")
    stack = recorded(error)["exception.stacktrace"]
    assert "while packing\n" in stack
    assert "  | ValueError: a\n  | KeyError: 'b'\n" in stack


def test_local_variables_are_not_recorded_unless_asked() -> None:
    assert "coldlight.exception.locals" not in recorded(raised(charge))


def test_local_variables_are_recorded_masked_innermost_first() -> None:
    errors.set_up(Settings({"COLDLIGHT_LOCALS": "true"}))
    frames = json.loads(recorded(raised(charge))["coldlight.exception.locals"])
    assert frames[0]["function"] == "charge"
    assert frames[0]["file"] == __file__
    assert frames[0]["variables"] == {"card": '{"number":"***","password":"***"}'}


def test_a_variable_has_one_kilobyte_and_all_of_them_a_hundred() -> None:
    def large(depth: int) -> None:
        text = "x" * 1_000_000
        if not depth:
            raise ValueError(len(text))
        large(depth - 1)

    errors.set_up(Settings({"COLDLIGHT_LOCALS": "true"}))
    found = recorded(raised(lambda: large(300)))["coldlight.exception.locals"]
    frames = json.loads(found)
    assert 1000 < len(frames[0]["variables"]["text"]) <= 1024
    assert 90_000 < len(found) <= 100 << 10


def test_a_variable_with_a_secrets_name_is_masked() -> None:
    def login() -> None:
        password = "hunter2"
        raise ValueError(len(password))

    errors.set_up(Settings({"COLDLIGHT_LOCALS": "true"}))
    assert "hunter2" not in recorded(raised(login))["coldlight.exception.locals"]


def test_types_are_named_with_their_module_but_for_pythons_own() -> None:
    assert errors.type_name(builtins.OSError()) == "OSError"
    assert errors.type_name(json.JSONDecodeError("m", "d", 0)) == "json.decoder.JSONDecodeError"
