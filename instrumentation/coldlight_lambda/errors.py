"""Exceptions as OpenTelemetry records them (semantic conventions, "Exceptions on spans").

The text of an exception is what its `__str__` says: the one piece of the function's code that we run, as the runtime does for what a
function raises. It is masked (`masking.text`), and so are local variables, where those are asked for.
"""

from __future__ import annotations

import builtins
import time

from coldlight_lambda import plain, stacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from coldlight_lambda.settings import Settings
    from coldlight_lambda.spans import Span

_LONGEST_MESSAGE, _LONGEST_STACK = 4096, 32_768
_MOST_CAUSES = 10
_MOST_IN_GROUP = 15
_LONGEST_VARIABLE, _LONGEST_VARIABLES = 1024, 100 << 10
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"

_chosen = {"locals": False}


def set_up(chosen: Settings) -> None:
    """Whether local variables are recorded (`COLDLIGHT_LOCALS`)."""
    _chosen["locals"] = chosen.locals


def record_error(span: Span, error: BaseException) -> None:
    """Adds an exception to a span as an event, and marks the span as failed."""
    kind = type_name(error)
    said = message(error)
    event = {
        "exception.type": kind,
        "exception.message": said,
        "exception.stacktrace": stack_trace(error),
    }
    if _chosen["locals"]:
        event["coldlight.exception.locals"] = local_variables(error)
    span.add_event(time.time_ns(), "exception", event)
    span.set({"error.type": kind})
    span.fail(said or kind)


def type_name(error: BaseException) -> str:
    """The type of an exception with its module, but for Python's own."""
    return plain.type_name(type(error))


def message(error: BaseException) -> str:
    """What an exception says, masked; it may say anything, even raise."""
    try:
        said = str(error)
    except BaseException as failure:  # the function's own code, and its own affair
        from coldlight_lambda import signals

        if signals.have_raised(failure):
            raise
        return f"<its text raised {type_name(failure)}>"
    return _masked(said)


def _masked(said: str) -> str:
    from coldlight_lambda import masking

    return masking.text(plain.beginning(said, str, _LONGEST_MESSAGE))


def stack_trace(error: BaseException) -> str:
    """The exception and what led to it, first cause first, as Python prints them; of a long one, its end."""
    parts: list[str] = []
    for above, relation in _chain(error):
        parts += [*_one(above), relation]
    return "".join(parts)[-_LONGEST_STACK:]


def _chain(error: BaseException) -> list[tuple[BaseException, str]]:
    """An exception behind its causes, each with how it led to the next (language reference, "The raise statement")."""
    found, seen, relation = [(error, "")], {id(error)}, ""
    while len(found) < _MOST_CAUSES:
        cause = error.__cause__
        relation = _CAUSE if cause is not None else _CONTEXT
        if cause is None and not error.__suppress_context__:
            cause = error.__context__
        if cause is None or id(cause) in seen:
            break
        seen.add(id(cause))
        found.append((cause, relation))
        error = cause
    return found[::-1]


def _one(error: BaseException) -> list[str]:
    kind, said = type_name(error), message(error)
    stack = stacks.of_traceback(error.__traceback__)
    head = ["Traceback (most recent call last):\n", *stacks.lines(stack)] if stack else []
    return [*head, f"{kind}: {said}\n" if said else f"{kind}\n", *_notes(error)]


def _notes(error: BaseException) -> list[str]:
    """What was added to an exception (PEP 678), and what the members of a group say (PEP 654): Python 3.11 and later."""
    notes = getattr(error, "__notes__", None)
    found = [f"{_masked(note)}\n" for note in notes if type(note) is str] if type(notes) is list else []
    group = getattr(builtins, "BaseExceptionGroup", None)
    if group is not None and issubclass(type(error), group):
        members = group.exceptions.__get__(error)[:_MOST_IN_GROUP]
        found += [f"  | {type_name(member)}: {message(member)}\n" for member in members]
    return found


def local_variables(error: BaseException) -> str:
    """JSON: of each frame, innermost first, its `function`, `file`, `line` and `variables`, masked, 1 kB a variable, 100 kB in all."""
    import json

    found: list[str] = []
    left = _LONGEST_VARIABLES - 2
    for frame, line in reversed(stacks.of_traceback(error.__traceback__)):
        code = frame.f_code
        if code.co_name == "<module>":
            continue  # a module's globals
        place = {"function": code.co_name, "file": code.co_filename, "line": line}
        known = json.dumps({**place, "variables": _variables(frame, left)}, ensure_ascii=False)
        left -= len(known.encode("utf-8", "replace")) + 1
        if left < 0:
            break
        found.append(known)
    return f"[{','.join(found)}]"


def _variables(frame: FrameType, most_bytes: int) -> dict[str, str]:
    from coldlight_lambda import excerpts

    found = {}
    for name, value in dict(frame.f_locals).items():
        if most_bytes <= 0:
            break
        found[name] = excerpts.variable(name, value, _LONGEST_VARIABLE)
        most_bytes -= len(name) + len(found[name]) + 8
    return found
