"""X-Ray over HTTP, as the real boto3 client meets it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.collector.gates import gate
from tests.collector.xray_documents import segment, subsegment

from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.intake import Accepted, Payload, Unavailable
from coldlight_collector.receiver import Receiver
from coldlight_collector.xray import api
from coldlight_storage.signals import Signal
from coldlight_storage.testing import sent_form, span_id

TOKEN = "0123456789abcdef"
BODY_BYTES = 1 << 20


@dataclass
class Recorder:
    """An intake that keeps what it is given, or raises its outcome."""

    outcome: Exception | None = None
    taken: list[tuple[Signal, Payload]] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        if self.outcome:
            raise self.outcome
        self.taken.append((signal, payload))
        return payload.outcome

    def span_ids(self) -> list[bytes]:
        requests = [sent_form(payload.body) for _, payload in self.taken]
        groups = [
            scope for request in requests for group in request.resource_spans for scope in group.scope_spans
        ]
        return [span.span_id for scope in groups for span in scope.spans]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def _serve(recorder: Recorder, token: str | None) -> AsyncIterator[str]:
    budget = Budget(8 * BODY_BYTES)
    routes = api.routes(Receiver(lambda _: recorder, budget, BODY_BYTES), gate(token))
    limits = Limits(body_bytes=BODY_BYTES)
    server = await serve(router(routes, api.refuse), api.refuse, "127.0.0.1", 0, limits, budget)
    yield f"http://127.0.0.1:{server.port}"
    await server.stop(0)


@pytest.fixture
async def url(recorder: Recorder) -> AsyncIterator[str]:
    async for url in _serve(recorder, None):
        yield url


@pytest.fixture
async def guarded_url(recorder: Recorder) -> AsyncIterator[str]:
    async for url in _serve(recorder, TOKEN):
        yield url


def xray(url: str, access_key: str = "AKIDEXAMPLE") -> Any:
    return boto3.client(
        "xray",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=access_key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


async def call(function: Callable[..., Any], **arguments: Any) -> Any:
    """boto3 blocks, so it runs in a thread."""
    return await asyncio.to_thread(function, **arguments)


async def put(url: str, *documents: Any, access_key: str = "AKIDEXAMPLE") -> Any:
    texts = [document if isinstance(document, str) else json.dumps(document) for document in documents]
    return await call(xray(url, access_key).put_trace_segments, TraceSegmentDocuments=texts)


async def test_boto3_puts_segments(url: str, recorder: Recorder) -> None:
    answer = await put(url, segment(1, subsegments=[subsegment(2)]), segment(3))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["UnprocessedTraceSegments"] == []
    assert recorder.span_ids() == [span_id(1), span_id(2), span_id(3)]
    assert [signal for signal, _ in recorder.taken] == [Signal.TRACES]


async def test_single_bad_documents_are_listed_and_the_others_stored(url: str, recorder: Recorder) -> None:
    bad = segment(2, trace_id="7")
    answer = await put(url, segment(1), bad, "no JSON", segment(3, subsegments=[subsegment(4, name=None)]))
    first, second, third = answer["UnprocessedTraceSegments"]
    assert first == {
        "Id": span_id(2).hex(),
        "ErrorCode": "InvalidTraceId",
        "Message": "Invalid segment. ErrorCode: InvalidTraceId, Cause: trace_id: expected 1-, 8 hexadecimal digits, "
        "a hyphen and 24 hexadecimal digits",
    }
    assert (second["ErrorCode"], "Id" in second) == ("ParseError", False)
    assert (third["Id"], third["ErrorCode"]) == (span_id(4).hex(), "MissingName")
    assert recorder.span_ids() == [span_id(1), span_id(3)]
    assert recorder.taken[0][1].outcome.rejected == 3


async def test_boto3_puts_telemetry_records(url: str, recorder: Recorder) -> None:
    record = {"Timestamp": 1, "SegmentsReceivedCount": 3, "BackendConnectionErrors": {"TimeoutCount": 1}}
    answer = await call(xray(url).put_telemetry_records, TelemetryRecords=[record], Hostname="h")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert recorder.taken == []


async def test_the_sampling_rule_is_to_take_everything(url: str) -> None:
    [record] = (await call(xray(url).get_sampling_rules))["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["RuleName"], rule["FixedRate"], rule["Version"]) == ("Default", 1.0, 1)
    statistics = {
        "RuleName": "Default",
        "ClientID": "0" * 24,
        "Timestamp": 1,
        "RequestCount": 1,
        "SampledCount": 1,
    }
    targets = await call(xray(url).get_sampling_targets, SamplingStatisticsDocuments=[statistics])
    [target] = targets["SamplingTargetDocuments"]
    assert (target["RuleName"], target["FixedRate"]) == ("Default", 1.0)
    assert targets["UnprocessedStatistics"] == []


async def test_about_sampling_anybody_may_ask_for_sdks_cannot_sign(guarded_url: str) -> None:
    unsigned = boto3.client(
        "xray", endpoint_url=guarded_url, region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )
    assert len((await call(unsigned.get_sampling_rules))["SamplingRuleRecords"]) == 1
    targets = await call(unsigned.get_sampling_targets, SamplingStatisticsDocuments=[])
    assert len(targets["SamplingTargetDocuments"]) == 1


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"AWS4-HMAC-SHA256 Credential={TOKEN}/20260101/eu-west-1/xray/aws4_request,SignedHeaders=host,Signature=0",
        f"AWS4-HMAC-SHA256 SignedHeaders=host, Credential={TOKEN}/20260101/eu-west-1/xray/aws4_request, Signature=0",
    ],
)
async def test_the_token_may_come_as_an_access_key_or_as_a_bearer_token(
    guarded_url: str, recorder: Recorder, authorization: str
) -> None:
    body = {"TraceSegmentDocuments": [json.dumps(segment(1))]}
    headers = {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=guarded_url) as client:
        assert (await client.post("/TraceSegments", json=body, headers=headers)).status_code == 200
    assert recorder.span_ids() == [span_id(1)]


async def test_boto3_with_the_token_as_access_key_is_let_in(guarded_url: str, recorder: Recorder) -> None:
    await put(guarded_url, segment(1), access_key=TOKEN)
    assert recorder.span_ids() == [span_id(1)]


async def test_boto3_with_another_access_key_is_forbidden(guarded_url: str, recorder: Recorder) -> None:
    with pytest.raises(ClientError) as refused:
        await put(guarded_url, segment(1))
    error, metadata = refused.value.response["Error"], refused.value.response["ResponseMetadata"]
    assert (error["Code"], metadata["HTTPStatusCode"]) == ("UnrecognizedClientException", 403)
    assert recorder.taken == []


@pytest.mark.parametrize("path", ["/TraceSegments", "/TelemetryRecords"])
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        f"Basic {TOKEN}",
        TOKEN,
        "AWS4-HMAC-SHA256",
        f"AWS4-HMAC-SHA256 Credential={TOKEN}",
        "Bearer ü",
    ],
)
async def test_anything_else_is_forbidden(
    guarded_url: str, recorder: Recorder, path: str, authorization: str
) -> None:
    headers = {b"Authorization": authorization.encode()}
    async with httpx.AsyncClient(base_url=guarded_url) as client:
        response = await client.post(path, content=b"{}", headers=headers)
    assert response.status_code == 403
    assert response.headers["x-amzn-errortype"] in (
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    )
    assert TOKEN not in response.json()["message"]
    assert recorder.taken == []


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"no JSON", b"[]", b"{}", b"null", b'{"TraceSegmentDocuments": "x"}', b"\xff"),
        *(
            b'{"TraceSegmentDocuments": [{}]}',
            b'{"TraceSegmentDocuments": [1]}',
            b'{"TraceSegmentDocuments": null}',
        ),
    ],
)
async def test_a_body_of_another_form_is_an_invalid_request(
    url: str, recorder: Recorder, body: bytes
) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        response = await client.post("/TraceSegments", content=body)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert response.json().keys() == {"message"}
    assert recorder.taken == []


async def test_an_unavailable_intake_is_503_and_boto3_knows_the_error(url: str, recorder: Recorder) -> None:
    recorder.outcome = Unavailable("the journal is full", retry_after_s=7)
    with pytest.raises(ClientError, match="the journal is full") as refused:
        await put(url, segment(1))
    metadata = refused.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["retry-after"]) == (503, "7")
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"


async def test_a_body_over_the_limit_is_413(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        response = await client.post("/TraceSegments", content=b" " * (BODY_BYTES + 1))
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (
        413,
        "RequestEntityTooLargeException",
    )


async def test_another_verb_is_an_unknown_operation(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        response = await client.get("/TraceSegments")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.headers["x-amzn-errortype"] == "UnknownOperationException"
