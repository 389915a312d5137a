"""Resources: which function, log group or metric stream something came from (OpenTelemetry Semantic Conventions)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from coldlight_collector.any_value import Plain
from coldlight_collector.firehose.envelope import Envelope, Stream

_LAMBDA_GROUP = "/aws/lambda/"
_LAMBDA_STREAM = re.compile(r"\d{4}/\d\d/\d\d/(?P<name>[\w-]*)\[(?P<version>[^\]]{1,128})\][0-9a-f]{32}")
"""`2026/11/23/[$LATEST]<32 hex>`; in a log group of the user's choice the function's name stands before the bracket
(Lambda Developer Guide, "Configuring CloudWatch log groups")."""


@dataclass(frozen=True)
class LogSource:
    """Where log events were written. What is not known is empty."""

    account: str
    region: str
    group: str
    stream: str


def log_resource(source: LogSource, envelope: Envelope) -> dict[str, Plain]:
    """The resource of a log stream. What the user gave in common attributes wins over what is only derived."""
    lambda_ = _lambda(source, envelope.stream.partition)
    derived: dict[str, Plain] = {
        "service.name": lambda_.get("faas.name") or source.group or "unknown_service"
    }
    facts: dict[str, Plain] = {
        **_cloud(source.account, source.region),
        "aws.log.group.names": [source.group] if source.group else None,
        "aws.log.stream.names": [source.stream] if source.stream else None,
    }
    return _known({**derived, **envelope.common_attributes, **lambda_, **facts})


def _lambda(source: LogSource, partition: str) -> Mapping[str, Plain]:
    stream = _LAMBDA_STREAM.fullmatch(source.stream)
    name = stream["name"] if stream else ""
    if source.group.startswith(_LAMBDA_GROUP):
        name = source.group.removeprefix(_LAMBDA_GROUP)
    if not name:
        return {}
    arn = f"arn:{partition}:lambda:{source.region}:{source.account}:function:{name}"
    return {
        "cloud.platform": "aws_lambda",
        "cloud.resource_id": arn if source.region and source.account else None,
        "faas.name": name,
        "faas.version": stream["version"] if stream else None,
        "faas.instance": source.stream or None,
    }


@dataclass(frozen=True)
class MetricSource:
    """The metric stream that delivers, and the account and region that its metrics are of."""

    stream: str
    account: str
    region: str


def metrics_resource(source: MetricSource, envelope: Envelope) -> dict[str, Plain]:
    """The resource that CloudWatch itself writes in its OTLP output (Metric Streams, "The Resource object")."""
    owner = f"{envelope.stream.partition}:cloudwatch:{source.region}:{source.account}"
    exporter: dict[str, Plain] = {"aws.exporter.arn": f"arn:{owner}:metric-stream/{source.stream}"}
    return {**envelope.common_attributes, **_known(_cloud(source.account, source.region)), **exporter}


def delivery_resource(envelope: Envelope) -> dict[str, Plain]:
    """The resource of what could not be read: only the Firehose stream that delivered it is known."""
    stream: Stream = envelope.stream
    derived: dict[str, Plain] = {"service.name": stream.name or "unknown_service"}
    facts: dict[str, Plain] = {
        **_cloud(stream.account, stream.region),
        "aws.firehose.delivery_stream.arn": stream.arn or None,
    }
    return _known({**derived, **envelope.common_attributes, **facts})


def _cloud(account: str, region: str) -> dict[str, Plain]:
    return {
        "cloud.provider": "aws",
        "cloud.account.id": account or None,
        "cloud.region": region or None,
    }


def _known(attributes: Mapping[str, Plain]) -> dict[str, Plain]:
    return {key: value for key, value in attributes.items() if value is not None}
