"""What the platform tells about invocations: log records with an event name, as the layer sends them."""

from math import ceil

from opentelemetry._logs import SeverityNumber
from opentelemetry.util.types import AttributeValue

from coldlight_cli.demo.faults import Fault, TimedOut
from coldlight_cli.demo.sandbox import ACCOUNT, REGION, Invocation

Facts = dict[str, AttributeValue]
"""What a record says, keyed by what follows `aws.lambda.` in the attribute's name."""


def report(run: Invocation, init_ms: float, fault: Fault | None) -> None:
    """`aws.lambda.init_report` for a cold start, `aws.lambda.runtime_done` and `aws.lambda.report`."""
    if init_ms:
        init: Facts = {
            "init_duration_ms": init_ms,
            "init_type": "on-demand",
            "phase": "init",
            "status": "success",
        }
        _emit(run, "init_report", f"init took {init_ms:.0f} ms", init)
    done: Facts = {"duration_ms": run.duration_ms, **_outcome(fault)}
    _emit(run, "runtime_done", f"handler took {run.duration_ms:.0f} ms", done)
    billed_ms = ceil(run.duration_ms + init_ms)
    _emit(
        run,
        "report",
        f"billed {billed_ms} ms",
        {
            **done,
            **({"init_duration_ms": init_ms} if init_ms else {}),
            "billed_duration_ms": billed_ms,
            "memory_size_mb": run.function.memory_mb,
            "max_memory_used_mb": run.sandbox.used_mb,
        },
    )


def _outcome(fault: Fault | None) -> Facts:
    if fault is None:
        return {"status": "success"}
    return {"status": "timeout" if isinstance(fault, TimedOut) else "error", "error_type": fault.type}


def _emit(run: Invocation, kind: str, text: str, facts: Facts) -> None:
    name = f"aws.lambda.{kind}"
    attributes: dict[str, AttributeValue] = {
        "event.name": name,
        "faas.invocation_id": run.request_id,
        "faas.name": run.function.name,
        "faas.version": run.function.version,
        "faas.instance": run.sandbox.instance,
        "cloud.resource_id": run.function.arn,
        "cloud.account.id": ACCOUNT,
        "cloud.region": REGION,
        "aws.lambda.source": "telemetry",
        **{f"aws.lambda.{key}": value for key, value in facts.items()},
    }
    run.log(SeverityNumber.INFO, f"{run.function.name}: {text}", attributes, event_name=name)
