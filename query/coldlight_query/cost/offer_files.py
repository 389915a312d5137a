"""AWS's price list as an overlay.

An offer file is `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<offer>/current/[<region>/]index.json`, which
anybody may read; its form is in AWS's "Price List Bulk API" (products by SKU, terms by SKU). What has a dimension here is
taken, all else left.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from coldlight_query.cost.price_tables import PriceTableError, read_object, text_of

_REGION_PREFIX = r"(?:[A-Z][A-Z0-9]{1,5}-)?"
"""`APN1-Lambda-GB-Second`; us-east-1 mostly has none."""


@dataclass(frozen=True)
class _Kind:
    """Which products are a dimension: by `usagetype` without its region, and further attributes."""

    dimension: str
    usage_type: str
    attributes: Mapping[str, str]


def _kind(dimension: str, usage_type: str, **attributes: str) -> _Kind:
    return _Kind(dimension, usage_type, attributes)


_OFFERS: dict[str, tuple[str, tuple[_Kind, ...]]] = {
    "AWSLambda": (
        "lambda",
        (
            _kind("requests", "Request"),
            _kind("gb_seconds_x86", "Lambda-GB-Second"),
            _kind("gb_seconds_arm", "Lambda-GB-Second-ARM"),
            _kind("storage_gb_seconds", "Lambda-Storage-GB-Second"),
            _kind("provisioned_gb_seconds_x86", "Lambda-Provisioned-Concurrency"),
            _kind("provisioned_gb_seconds_arm", "Lambda-Provisioned-Concurrency-ARM"),
            _kind("provisioned_duration_gb_seconds_x86", "Lambda-Provisioned-GB-Second"),
            _kind("provisioned_duration_gb_seconds_arm", "Lambda-Provisioned-GB-Second-ARM"),
            _kind("snapstart_cache_gb_seconds", "Lambda-SnapStart-Cached-GB-S"),
            _kind("snapstart_restore_gb", "Lambda-SnapStart-Restored-GB"),
            _kind("streamed_gb", "Lambda-Streaming-Response-Processed-Bytes"),
            _kind("edge_requests", "Lambda-Edge-Request"),
            _kind("edge_gb_seconds", "Lambda-Edge-GB-Second"),
        ),
    ),
    "AWSQueueService": (
        "sqs",
        (
            _kind("requests", ".*Request.*", queueType="Standard"),
            _kind("fifo_requests", ".*Request.*", queueType="FIFO (first-in, first-out)"),
        ),
    ),
    "AmazonSNS": (
        "sns",
        (
            _kind("requests", "Requests-Tier1"),
            _kind("fifo_requests", "F-Request-Tier1"),
            _kind("fifo_published_gb", "F-Ingress-Tier1"),
        ),
    ),
    "AWSEvents": ("eventbridge", (_kind("custom_events", "Event-64K-Chunks", eventType="Custom Event"),)),
    "AmazonStates": (
        "stepfunctions",
        (
            _kind("transitions", "StateTransition"),
            _kind("express_requests", "StepFunctions-Request"),
            _kind("express_gb_seconds", "StepFunctions-GB-Second"),
        ),
    ),
    "AmazonDynamoDB": (
        "dynamodb",
        (
            _kind("write_units", "WriteRequestUnits"),
            _kind("read_units", "ReadRequestUnits"),
            _kind("stream_read_units", "Streams-Requests"),
        ),
    ),
    "AmazonApiGateway": (
        "apigateway",
        (
            _kind("rest_requests", "ApiGatewayRequest"),
            _kind("http_requests", "ApiGatewayHttpRequest"),
            _kind("websocket_messages", "ApiGatewayMessage"),
            _kind("websocket_minutes", "ApiGatewayMinute"),
        ),
    ),
    "AmazonS3": ("s3", (_kind("write_requests", "Requests-Tier1"), _kind("read_requests", "Requests-Tier2"))),
    "AmazonKinesis": (
        "kinesis",
        (
            _kind("ingested_gb", "OnDemand-BilledIncomingBytes"),
            _kind("retrieved_gb", "OnDemand-BilledOutgoingBytes"),
            _kind("stream_hours", "OnDemand-StreamHour"),
        ),
    ),
    "AmazonCloudWatch": (
        "logs",
        (_kind("ingested_gb", "DataProcessing-Bytes"), _kind("scanned_gb", "DataScanned-Bytes")),
    ),
}
"""Usage types: AWS's price list. Those of SQS have no fixed name, but a queue type."""


def overlay_of_offer(text: str) -> dict[str, Any]:
    """The overlay (see `overlays.py`) that an offer file makes, as what its JSON holds.

    Raises `PriceTableError` for what is no offer file, or of an offer that has no prices here.
    """
    found = read_object(text)
    offer, version = (text_of(found, name, "the offer file") for name in ("offerCode", "version"))
    if offer not in _OFFERS:
        raise PriceTableError(f"offerCode {offer!r}: one of {', '.join(sorted(_OFFERS))}")
    service, kinds = _OFFERS[offer]
    source = f"AWS price list, {offer} {version}"
    products, terms = _objects(found, "products"), _objects(_objects(found, "terms"), "OnDemand")
    rows: list[dict[str, Any]] = []
    for sku, product in products.items():
        attributes = _objects(product, "attributes")
        kind = next((kind for kind in kinds if _is_of(kind, attributes)), None)
        if kind is not None:
            rows.extend(_rows(service, kind, attributes, _objects(terms, sku), source))
    if not rows:
        raise PriceTableError(f"the offer file of {offer} has no price that is known here")
    return {
        "version": f"{offer}-{version}",
        "partition": "aws-cn" if any(row["currency"] == "CNY" for row in rows) else "aws",
        "prices": sorted(rows, key=lambda row: (row["region"], row["dimension"])),
    }


def _is_of(kind: _Kind, attributes: Mapping[str, Any]) -> bool:
    usage_type = str(attributes.get("usagetype", ""))
    is_named = re.fullmatch(_REGION_PREFIX + kind.usage_type, usage_type) is not None
    return is_named and all(attributes.get(name) == value for name, value in kind.attributes.items())


def _rows(
    service: str, kind: _Kind, attributes: Mapping[str, Any], terms: Mapping[str, Any], source: str
) -> Iterator[dict[str, Any]]:
    """A row for each term of a product: there is one, unless a change of price is announced."""
    for term in terms.values():
        steps = sorted(
            _objects(term, "priceDimensions").values(), key=lambda step: Decimal(step["beginRange"])
        )
        if not steps:
            continue
        currency = next(iter(steps[0]["pricePerUnit"]))
        yield {
            "service": service,
            "region": text_of(attributes, "regionCode", "a product"),
            "dimension": kind.dimension,
            "unit": str(steps[0].get("unit", "unit")),
            "tiers": [_tier(step, currency) for step in steps],
            "currency": currency,
            "effective_from": str(term.get("effectiveDate", ""))[:10],
            "source": source,
            "verified": True,
        }


def _tier(step: Mapping[str, Any], currency: str) -> dict[str, str | None]:
    end = str(step["endRange"])
    return {"up_to": None if end == "Inf" else end, "price": _plain(step["pricePerUnit"][currency])}


def _plain(price: str) -> str:
    return format(Decimal(price).normalize(), "f")


def _objects(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name, {})
    if type(value) is not dict:
        raise PriceTableError(f"the offer file: `{name}` is an object")
    return value
