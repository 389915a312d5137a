"""Step Functions, where the state passes its context object, and durable functions, whose every run names its execution."""

from __future__ import annotations

from itertools import chain, islice

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import carried_text, inside, last_part, number, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_MOST_VALUES = 32


def read(event: dict[str, Any]) -> Optional[Trigger]:
    return _durable(event) if "DurableExecutionArn" in event else execution(event)


def execution(event: dict[str, Any]) -> Optional[Trigger]:
    """Of an event that is a context object (`"Payload.$": "$$"`), or has one as one of its values.

    Step Functions: "Context object". An execution's ARN alone would not do: a function that looks after executions is given one,
    and is no part of it.
    """
    found = _context_object(event)
    if found is None:
        return None
    run, state, machine = inside(found, "Execution"), inside(found, "State"), inside(found, "StateMachine")
    arn = text(run, "Id")
    return Trigger(
        {
            "faas.trigger": "other",
            "coldlight.trigger": "stepfunctions",
            "coldlight.trigger.name": text(machine, "Name") or last_part(arn.rpartition(":")[0]),
            "aws.step_functions.state_machine.arn": text(machine, "Id") or None,
            "coldlight.step_functions.execution.arn": arn,
            "coldlight.step_functions.state.name": text(state, "Name") or None,
            "coldlight.step_functions.state.retry_count": number(state, "RetryCount"),
        },
        upstream(carried_text(inside(run, "Input"))),
        None,
        [f"stepfunctions:{arn}"],
    )


def _context_object(event: dict[str, Any]) -> Optional[dict[str, Any]]:
    for candidate in islice(chain((event,), event.values()), _MOST_VALUES):
        if isinstance(candidate, dict) and "Execution" in candidate:
            arn = text(inside(candidate, "Execution"), "Id")
            if ":states:" in arn and (inside(candidate, "State") or inside(candidate, "StateMachine")):
                return candidate
    return None


def _durable(event: dict[str, Any]) -> Optional[Trigger]:
    """Lambda: "Durable functions". One execution is many invocations, which this joins."""
    arn = text(event, "DurableExecutionArn")
    if not arn or "CheckpointToken" not in event:
        return None
    named = {"coldlight.trigger.name": last_part(arn, "/"), "coldlight.durable.execution.arn": arn}
    return Trigger(
        {"faas.trigger": "other", "coldlight.trigger": "durable", **named}, None, None, [f"durable:{arn}"]
    )
