"""A program with AWS's X-Ray SDK, which is told the daemon's address by a variable and nothing else.

    xray_sender.py service   a service that answers one request
    xray_sender.py lambda    a handler inside AWS Lambda, where the SDK has no segment of its own
    xray_sender.py sampler   asks what to sample, as the SDK does in the background
    xray_sender.py boto3     no SDK: segment documents by boto3, also one in progress and then complete

It prints what it sent, as JSON. The variable COLLECTOR is the collector's address over HTTP.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import boto3
from aws_xray_sdk.core import patch, xray_recorder

COLLECTOR = os.environ["COLLECTOR"]


def client() -> Any:
    return boto3.client("xray", endpoint_url=COLLECTOR)


def as_service() -> dict[str, str]:
    patch(("botocore", "httplib"))
    xray_recorder.configure(service="orders-api", context_missing="RUNTIME_ERROR")
    xray = client()
    with xray_recorder.in_segment("orders-api", sampling=1) as segment:
        segment.set_user("u-1")
        segment.put_http_meta("url", "https://shop.example/orders")
        segment.put_http_meta("method", "POST")
        segment.put_http_meta("status", 503)
        with xray_recorder.in_subsegment("checkout") as checkout:
            checkout.put_annotation("customer", "c-1")
            checkout.put_annotation("items", 3)
            checkout.put_annotation("gift", True)
            checkout.put_metadata("cart", {"lines": [{"sku": "a", "price": 2.5}, None]}, "shop")
            urlopen(f"{COLLECTOR}/healthz").close()
            xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": 1}])
        fail()
    return {"trace_id": segment.trace_id, "segment": segment.id}


def fail() -> None:
    try:
        with xray_recorder.in_subsegment("pay"):
            raise ValueError("card declined")
    except ValueError:
        pass


def as_lambda() -> dict[str, str]:
    with xray_recorder.in_subsegment("## handler"):
        with xray_recorder.in_subsegment("load"):
            pass
        with xray_recorder.in_subsegment("save", namespace="remote"):
            pass
    with xray_recorder.in_subsegment("after"):
        pass
    return {}


def by_boto3() -> dict[str, str]:
    xray = client()
    segment = {
        "name": "nightly",
        "id": "70de5b6f19ff9a0b",
        "trace_id": "1-581cf771-a006649127e371903a2de979",
        "start_time": 1478293361.271,
    }
    half, whole = segment | {"in_progress": True}, segment | {"end_time": 1478293361.4494321}
    for documents in ([half], [whole], [half, segment | {"id": "no id"}]):
        answer = xray.put_trace_segments(TraceSegmentDocuments=list(map(json.dumps, documents)))
    [unprocessed] = answer["UnprocessedTraceSegments"]
    return {"code": unprocessed["ErrorCode"]}


def by_sampler() -> dict[str, Any]:
    connector = xray_recorder.sampler._connector
    rules = connector.fetch_sampling_rules()
    targets, _ = connector.fetch_sampling_target(rules)
    return {
        "rules": [[rule.name, rule.rate] for rule in rules],
        "rates": [target["rate"] for target in targets.values()],
    }


ROLES: dict[str, Callable[[], dict[str, Any]]] = {
    "sampler": by_sampler,
    "service": as_service,
    "lambda": as_lambda,
    "boto3": by_boto3,
}
print(json.dumps(ROLES[sys.argv[1]]()))
