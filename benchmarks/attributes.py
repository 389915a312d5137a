"""Attributes of OTLP messages from Python values, and the resource of a made-up function."""

from collections.abc import Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

Value = str | bool | int | float | list[str]


def attributes(values: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def any_value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case _:
            return AnyValue(string_value=value)


def resource(service: int) -> Resource:
    """Of one of many functions: 12 attributes, as an SDK in AWS Lambda finds them."""
    function = f"shop-{('orders', 'prices', 'payments', 'audit')[service % 4]}-{service:02}"
    return Resource(
        attributes=attributes(
            {
                "service.name": function,
                "service.version": f"2026.{service % 9}.1",
                "deployment.environment.name": "production",
                "cloud.provider": "aws",
                "cloud.platform": "aws_lambda",
                "cloud.region": "eu-west-1",
                "cloud.account.id": "123456789012",
                "cloud.resource_id": f"arn:aws:lambda:eu-west-1:123456789012:function:{function}",
                "faas.name": function,
                "faas.version": "$LATEST",
                "faas.instance": f"2026/11/23/[$LATEST]{service:032x}",
                "telemetry.sdk.language": "python",
            }
        )
    )
