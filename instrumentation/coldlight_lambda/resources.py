"""Whose spans these are: the resource of everything that one sandbox sends."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldlight_lambda.spans import Attributes

_FROM_ENVIRONMENT = {
    "faas.name": "AWS_LAMBDA_FUNCTION_NAME",
    "faas.version": "AWS_LAMBDA_FUNCTION_VERSION",
    "faas.instance": "AWS_LAMBDA_LOG_STREAM_NAME",
    "cloud.region": "AWS_REGION",
}

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""OpenTelemetry's names (`host.arch`): Lambda bills by them."""


def resource(environment: Mapping[str, str] = os.environ) -> Attributes:
    """Its attributes (semantic conventions, "FaaS" and "Cloud"); OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME have the last word."""
    known = {
        name: environment[variable]
        for name, variable in _FROM_ENVIRONMENT.items()
        if environment.get(variable)
    }
    architecture = os.uname().machine
    memory_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    found: dict[str, str | int] = {
        "service.name": environment.get("AWS_LAMBDA_FUNCTION_NAME", "unknown_service:python"),
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "telemetry.sdk.name": "coldlight",
        "telemetry.sdk.language": "python",
        "host.arch": _ARCHITECTURES.get(architecture, architecture),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        **known,
    }
    if memory_mb.isdigit():
        found["faas.max_memory"] = int(memory_mb) << 20
    found.update(_named(environment.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    if service := environment.get("OTEL_SERVICE_NAME"):
        found["service.name"] = service
    return found


def _named(text: str) -> dict[str, str]:
    """`key=value,key=value`, percent-encoded (OpenTelemetry specification, "Resource SDK")."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    return {_decoded(key.strip()): _decoded(value.strip()) for key, separator, value in pairs if separator}


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote  # for the few who need it

    return unquote(text)
