"""AWS Step Functions."""

from __future__ import annotations

from coldlight_lambda.producers import bodies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_STARTS = ("StartExecution", "StartSyncExecution")
SENDS: frozenset[str] = frozenset()
_LARGEST_BYTES = 262_144


def described(operation: str, parameters: Parameters) -> Attributes:
    return {
        "aws.step_functions.state_machine.arn": parameters.get("stateMachineArn"),
        "aws.step_functions.activity.arn": parameters.get("activityArn"),
    }


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    if operation not in _STARTS or not bodies.choice["is_asked"]:
        return parameters
    extended = bodies.with_context(parameters.get("input") or "{}", carrier)
    fits = extended is not None and len(extended.encode("utf-8", "replace")) <= _LARGEST_BYTES
    return {**parameters, "input": extended} if fits else parameters


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    return [f"stepfunctions:{answer['executionArn']}"] if operation in _STARTS else []
