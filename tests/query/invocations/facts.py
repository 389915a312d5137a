"""What is told of runs: by their spans, by the Telemetry API, by lines of the log. Times are seconds after noon."""

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from coldlight_storage.testing import attributes, clock_ns, log_record, span, traces_request

ACCOUNT, REGION = "123456789012", "eu-central-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
FAILED = Status(code=Status.STATUS_CODE_ERROR, message="no such order")


def sandbox(number: int = 1, function: str = "orders", version: str = "7") -> dict[str, Any]:
    """The resource of a sandbox."""
    return {
        "faas.name": function,
        "faas.version": version,
        "faas.instance": f"2026/11/23/[{version}]{number:032x}",
        "cloud.account.id": ACCOUNT,
        "cloud.region": REGION,
    }


def run_span(
    request_id: str,
    at: float = 0,
    lasts: float = 1,
    *,
    number: int = 1,
    where: dict[str, Any] | None = None,
    service: str = "orders",
    **more: Any,
) -> ExportTraceServiceRequest:
    """The run's own span; `more` are fields of it, `attributes` beside the request id."""
    told = {"faas.invocation_id": request_id, **more.pop("attributes", {})}
    made = span(number, trace=number, at=at, lasts=lasts, attributes=told, **more)
    return traces_request(made, service=service, resource_attributes=sandbox() if where is None else where)


def platform(
    kind: str,
    at: float,
    request_id: str = "",
    *,
    source: str = "telemetry",
    where: dict[str, Any] | None = None,
    **facts: Any,
) -> ExportLogsServiceRequest:
    """A record `aws.lambda.<kind>`: `facts` are what it says under `aws.lambda.`."""
    own = sandbox() if where is None else where
    told = {"faas.invocation_id": request_id} if request_id else {}
    told |= {f"aws.lambda.{key}": value for key, value in {"source": source, **facts}.items()}
    record = log_record(None, at=at, event_name=f"aws.lambda.{kind}", attributes={**own, **told})
    return _logs(record, own)


def report(request_id: str, at: float, **facts: Any) -> ExportLogsServiceRequest:
    """What the platform says at the end of a run that took 1000 ms, unless `facts` say otherwise."""
    figures: dict[str, Any] = {
        "duration_ms": 1000.0,
        "billed_duration_ms": 1000,
        "memory_size_mb": 512,
        "max_memory_used_mb": 100,
        "status": "success",
    }
    return platform("report", at, request_id, **(figures | facts))


def metric(
    name: str, at: float, total: float, highest: float, function: str = "orders"
) -> ExportMetricsServiceRequest:
    """A minute of CloudWatch's metric stream."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(attributes({"cloud.account.id": ACCOUNT, "cloud.region": REGION}))
    made = group.scope_metrics.add().metrics.add(name=f"amazonaws.com/AWS/Lambda/{name}")
    point = made.summary.data_points.add(time_unix_nano=clock_ns(at), count=1, sum=total)
    point.quantile_values.add(quantile=0, value=0)
    point.quantile_values.add(quantile=1, value=highest)
    point.attributes.extend(
        attributes({"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": {"FunctionName": function}})
    )
    return request


def _logs(record: LogRecord, where: dict[str, Any]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(attributes(where))
    group.scope_logs.add(log_records=[record])
    return request
