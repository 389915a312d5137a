"""What OpenTelemetry's SDK for JavaScript sends, found again through the query API.

The SDK runs in programs of its own (`tests/js/sender.mjs`) and is told the endpoint, nothing else.
"""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.system.processes import Home, Service, environment

JS = Path(__file__).parents[1] / "js"
DEMANDED = "COLDLIGHT_TEST_NODE"
SENDERS = ("http none", "http gzip", "proto none", "proto gzip")
HALF = "a \N{REPLACEMENT CHARACTER} b"

ATTRIBUTES = {
    "string": {"stringValue": "Grüße, 世界 😀"},
    "true": {"boolValue": True},
    "false": {"boolValue": False},
    "zero": {"intValue": "0"},
    "large": {"intValue": str(2**53 - 1)},
    "lowest": {"intValue": str(1 - 2**53)},
    "double": {"doubleValue": 0.1},
    "huge": {"doubleValue": 1e300},
    "strings": {"arrayValue": {"values": [{"stringValue": text} for text in ("a", "", "b")]}},
    "integers": {"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "-2"}]}},
    "doubles": {"arrayValue": {"values": [{"doubleValue": 0.5}, {"doubleValue": 2.5}]}},
    "booleans": {"arrayValue": {"values": [{"boolValue": True}, {"boolValue": False}]}},
    "empty array": {"arrayValue": {"values": []}},
    "half of a pair": {"stringValue": HALF},
}


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    """Skips where there is no Node.js, unless the tests are told that there must be."""
    if shutil.which("node") is None or not (JS / "node_modules").is_dir():
        reason = (
            f"senders in JavaScript need Node.js and npm, and then `make install-dev` ({DEMANDED} is set)"
        )
        assert not os.environ.get(DEMANDED), reason
        pytest.skip(reason.partition(" (")[0])


def send(up: Service, sender: str) -> dict[str, Any]:
    """Runs an instrumented program to its end; its ids, and what its exporter had to say."""
    done = subprocess.run(
        ["node", JS / "sender.mjs", *sender.split(), f"shop over {sender}"],
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=up.otlp_http),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def sent(home: Home, _node: None) -> dict[str, dict[str, Any]]:
    """By sender; they send side by side."""
    with ThreadPoolExecutor() as programs:
        return dict(zip(SENDERS, programs.map(partial(send, home.service()), SENDERS), strict=True))


def two_spans(up: Service, sent: dict[str, Any]) -> tuple[Any, Any]:
    """The spans `checkout` and `charge` of the trace, with OTLP's values."""
    spans = {
        span["span_id"]: span for span in up.trace(sent["trace_id"], spans=2, attributes="otlp")["spans"]
    }
    assert spans.keys() == {sent["checkout"], sent["charge"]}
    return spans[sent["checkout"]], spans[sent["charge"]]


@pytest.mark.parametrize("sender", SENDERS)
def test_attributes_of_every_type_come_back(
    up: Service, sent: dict[str, dict[str, Any]], sender: str
) -> None:
    checkout, _ = two_spans(up, sent[sender])
    found = checkout["attributes"]
    found.pop("coldlight.repaired", None)  # protobuf's encoder in JavaScript mends by itself
    assert found == ATTRIBUTES


@pytest.mark.parametrize("sender", SENDERS)
def test_everything_else_of_a_span_comes_back(
    up: Service, sent: dict[str, dict[str, Any]], sender: str
) -> None:
    checkout, charge = two_spans(up, sent[sender])
    assert (checkout["name"], checkout["kind"], checkout["status"]["code"]) == ("checkout", "server", "ok")
    assert (charge["kind"], charge["parent_span_id"]) == ("client", sent[sender]["checkout"])
    assert charge["status"] == {"code": "error", "message": "card declined"}
    assert charge["resource"] == {
        "service.name": {"stringValue": f"shop over {sender}"},
        "host.cpus": {"intValue": "2"},
    }
    assert (charge["scope"]["name"], charge["scope"]["version"]) == ("shop", "1.2.3")
    [event], [link] = charge["events"], charge["links"]
    assert (event["name"], event["time_unix_nano"]) == ("declined", 10**18 + 1)
    assert event["attributes"]["code"] == {"intValue": "51"}
    assert (link["trace_id"], link["span_id"], link["trace_state"]) == (
        f"{0xABC:032x}",
        f"{0xDEF:016x}",
        "vendor=1",
    )


@pytest.mark.parametrize("sender", SENDERS)
def test_the_exporter_has_nothing_to_complain_of_but_what_was_mended(
    sent: dict[str, dict[str, Any]], sender: str
) -> None:
    """Its JSON spells half of a pair as it is; it tells its user that this was repaired."""
    said = " ".join(sent[sender]["said"])
    assert ("repaired: attributes (1)" in said) == (sender.startswith("http")), said
