"""Which function is meant: by its name, where it is unique, or by its ARN."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from coldlight_query.problems import ProblemError
from coldlight_storage import Row

_ARN = re.compile(
    r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:(?P<name>[^:]+)(?P<qualifier>:.+)?"
)
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


@dataclass(frozen=True)
class Identity:
    """A function: (account, region, name). What is empty is not known."""

    name: str
    account: str = ""
    region: str = ""

    @property
    def arn(self) -> str | None:
        """Its ARN, if all parts are known (AWS General Reference, "Partitions")."""
        if not self.account or not self.region:
            return None
        starts = (own for start, own in _PARTITIONS.items() if self.region.startswith(f"{start}-"))
        return f"arn:{next(starts, 'aws')}:lambda:{self.region}:{self.account}:function:{self.name}"

    def may_be(self, other: "Identity") -> bool:
        """Whether nothing that is known of the two differs."""
        return self.name == other.name and all(
            not own or not its or own == its
            for own, its in ((self.account, other.account), (self.region, other.region))
        )


def identity_of(row: Row) -> Identity:
    """Of a row with `function`, `account` and `region`."""
    return Identity(row["function"], row["account"], row["region"])


def named(text: str) -> Identity:
    """What a name or an ARN in a path says. Raises `ProblemError` (400) for the ARN of a version or alias, or of something else."""
    if not text.startswith("arn:"):
        return Identity(text)
    arn = _ARN.fullmatch(text)
    if arn is None:
        raise ProblemError(400, "Bad parameter", f"name: {text!r} is no ARN of a function", parameter="name")
    if arn["qualifier"]:
        detail = f"name: leave {arn['qualifier']!r} out of the ARN; `version` narrows to a version"
        raise ProblemError(400, "Bad parameter", detail, parameter="name")
    return Identity(arn["name"], arn["account"], arn["region"])


def the_one(asked: Identity, known: Iterable[Identity]) -> Identity:
    """The function that is meant. Raises `ProblemError`: 404 when nobody has told of it, 409 with the candidates for several."""
    candidates = [identity for identity in known if identity.may_be(asked)]
    exact = [identity for identity in candidates if identity == asked and asked.arn]
    match exact or candidates:
        case [one]:
            return one
        case []:
            detail = f"nobody has told of a run of {asked.arn or asked.name!r} in this time; a longer one may find it"
            raise ProblemError(404, "Unknown function", detail)
        case several:
            arns = [identity.arn or identity.name for identity in several]
            detail = f"name: {asked.name!r} is the name of several functions: give one of the ARNs"
            raise ProblemError(409, "Which function?", detail, parameter="name", candidates=arns)
