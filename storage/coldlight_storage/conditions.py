"""What `/readyz` of a service says: everything that is wrong, and the fix of each."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Condition:
    """Something that is wrong: `what` in one word for programs, `detail` and `fix` for people.

    `refuses`: until it is mended, the service cannot do what it is asked.
    """

    what: str
    detail: str
    fix: str
    refuses: bool = False


def readiness(conditions: Iterable[Condition]) -> tuple[HTTPStatus, dict[str, Any]]:
    """The answer: 503 only if requests sent now would be refused; whoever serves in spite of troubles says which."""
    wrong = tuple(conditions)
    refuses = any(condition.refuses for condition in wrong)
    status = "unavailable" if refuses else "degraded" if wrong else "ready"
    body = {"status": status, "wrong": [asdict(condition) for condition in wrong]}
    return HTTPStatus.SERVICE_UNAVAILABLE if refuses else HTTPStatus.OK, body
