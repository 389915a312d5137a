"""From runs to the answers of the API."""

from typing import Any

from coldlight_query.cost.single import cost_of_run, figures
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.names import Identity
from coldlight_query.invocations.run import Run


def invocation(run: Run, prices: Tables) -> dict[str, Any]:
    """`models.Invocation`."""
    told = dict(vars(run))
    error_type, message = told.pop("error_type"), told.pop("error_message")
    failed = run.status not in (None, "success")
    return {
        **told,
        "arn": Identity(run.function, run.account or "", run.region or "").arn,
        "error": {"type": error_type, "message": message} if failed else None,
        **figures(cost_of_run(run, prices)),
    }


def runs_of_request(request_id: str, runs: tuple[Run, ...], prices: Tables) -> dict[str, Any]:
    """`models.RunsOfRequest`."""
    return {"request_id": request_id, "invocations": [invocation(run, prices) for run in runs]}
