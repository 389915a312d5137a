"""From runs to the answers of the API."""

from typing import Any

from coldlight_query.invocations.run import Run

_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


def arn_of(account: str | None, region: str | None, name: str) -> str | None:
    """The ARN of a function, as far as its parts are known (AWS General Reference, "Partitions")."""
    if not account or not region:
        return None
    partition = next((own for start, own in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws")
    return f"arn:{partition}:lambda:{region}:{account}:function:{name}"


def invocation(run: Run) -> dict[str, Any]:
    """`models.Invocation`."""
    told = dict(vars(run))
    error_type, message = told.pop("error_type"), told.pop("error_message")
    failed = run.status not in (None, "success")
    return {
        **told,
        "arn": arn_of(run.account, run.region, run.function),
        "error": {"type": error_type, "message": message} if failed else None,
        "cost_usd": None,
        "cost_basis": None,
    }


def runs_of_request(request_id: str, runs: tuple[Run, ...]) -> dict[str, Any]:
    """`models.RunsOfRequest`."""
    return {"request_id": request_id, "invocations": [invocation(run) for run in runs]}
