import contextlib
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldlight_lambda import settings
from coldlight_lambda.addresses import Address
from coldlight_lambda.settings import Settings

ENDPOINT = {"COLDLIGHT_ENDPOINT": "https://coldlight.example:4318"}


def test_an_endpoint_is_all_that_a_layer_needs() -> None:
    chosen = Settings(ENDPOINT)
    assert not chosen.is_idle
    assert chosen.problems == []
    assert chosen.endpoint == "https://coldlight.example:4318"


def test_everything_else_has_a_default() -> None:
    chosen = Settings(ENDPOINT)
    assert (chosen.token, chosen.payloads, chosen.payload_bytes, chosen.mask_keys) == ("", "errors", 2048, ())
    assert (chosen.locals, chosen.near_timeout_ms, chosen.propagate_in_bodies) == (False, 100, False)
    assert (chosen.shipper, chosen.ship_logs, chosen.port, chosen.original_handler) == (
        "extension",
        True,
        4320,
        "",
    )


def test_a_layer_without_an_endpoint_is_idle_and_says_so_in_one_line() -> None:
    chosen = Settings({})
    assert chosen.is_idle
    assert [problem.partition(":")[0] for problem in chosen.problems] == ["COLDLIGHT_ENDPOINT is not set"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "coldlight.example",
        "coldlight:4318",
        "ftp://h",
        "http://",
        "http://:80",
        "https:///v1",
        "http://a b",
        "http://a:b",
        "http://h:0",
        "http://h:65536",
        "http://h:²",
        "http://::1:4318",
        "http://[::1",
        "http://[::1]x",
        "http://[h]",
        "http://a..b",
        "http://" + "x" * 64,
        "http://münchen.example",
        "http://h/base?query=1",
        "http://h/ba se",
        "http://h/\r\nX-Injected: 1",
        "http://user:pw@",
        "https://user:hunter2@coldlight.example:4318",
        "https://user:hunter2@coldlight.example:port",
    ],
)
def test_an_endpoint_that_is_no_url_means_an_idle_layer_and_is_not_repeated_in_the_log(endpoint: str) -> None:
    chosen = Settings({"COLDLIGHT_ENDPOINT": endpoint})
    assert chosen.is_idle
    [problem] = chosen.problems
    assert problem.startswith("COLDLIGHT_ENDPOINT is no URL to send to: ")
    assert "hunter2" not in problem
    assert endpoint not in problem.partition("such as")[0]
    assert "\n" not in problem


@given(st.from_regex(r"https?://[a-z0-9.:@\[\]/?#%-]{0,20}", fullmatch=True) | st.text(max_size=20))
def test_what_the_settings_take_for_an_endpoint_a_socket_can_look_up(endpoint: str) -> None:
    chosen = Settings({"COLDLIGHT_ENDPOINT": endpoint})
    if chosen.is_idle:
        return
    address = Address(chosen.endpoint)
    with contextlib.suppress(socket.gaierror):  # well-formed, and of nobody
        socket.getaddrinfo(address.host, address.port, flags=socket.AI_NUMERICHOST)


def test_an_endpoint_may_end_in_slashes_and_spaces() -> None:
    assert Settings({"COLDLIGHT_ENDPOINT": " http://h:1/base/ "}).endpoint == "http://h:1/base"


def test_a_layer_that_is_switched_off_is_idle_and_says_nothing() -> None:
    chosen = Settings({"COLDLIGHT_DISABLED": "true"})
    assert chosen.is_idle
    assert chosen.problems == []


@pytest.mark.parametrize(
    ("variable", "name", "given", "means"),
    [
        ("COLDLIGHT_TOKEN", "token", " cl_1_secret\n", "cl_1_secret"),
        ("COLDLIGHT_HANDLER", "original_handler", "app.handler", "app.handler"),
        ("COLDLIGHT_PAYLOADS", "payloads", "ON", "on"),
        ("COLDLIGHT_PAYLOADS", "payloads", "off", "off"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "0", 0),
        ("COLDLIGHT_MASK_KEYS", "mask_keys", "iban, Date-Of-Birth,,", ("iban", "date-of-birth")),
        ("COLDLIGHT_LOCALS", "locals", "1", True),
        ("COLDLIGHT_NEAR_TIMEOUT_MS", "near_timeout_ms", "500", 500),
        ("COLDLIGHT_PROPAGATE_IN_BODIES", "propagate_in_bodies", "yes", True),
        ("COLDLIGHT_SHIPPER", "shipper", "thread", "thread"),
        ("COLDLIGHT_LOGS", "ship_logs", "false", False),
        ("COLDLIGHT_PORT", "port", "4999", 4999),
    ],
)
def test_a_switch_is_set(variable: str, name: str, given: str, means: object) -> None:
    chosen = Settings({**ENDPOINT, variable: given})
    assert getattr(chosen, name) == means
    assert chosen.problems == []


@pytest.mark.parametrize(
    ("variable", "name", "given"),
    [
        ("COLDLIGHT_TOKEN", "token", "two words"),
        ("COLDLIGHT_TOKEN", "token", "schlüssel"),
        ("COLDLIGHT_PAYLOADS", "payloads", "sometimes"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "-1"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "2k"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "65537"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "²"),
        ("COLDLIGHT_PAYLOAD_BYTES", "payload_bytes", "9" * 5000),
        ("COLDLIGHT_LOCALS", "locals", "maybe"),
        ("COLDLIGHT_NEAR_TIMEOUT_MS", "near_timeout_ms", "100 ms"),
        ("COLDLIGHT_PROPAGATE_IN_BODIES", "propagate_in_bodies", "2"),
        ("COLDLIGHT_SHIPPER", "shipper", "lambda"),
        ("COLDLIGHT_LOGS", "ship_logs", "some"),
        ("COLDLIGHT_PORT", "port", "0"),
        ("COLDLIGHT_DISABLED", "is_idle", "perhaps"),
    ],
)
def test_a_wrong_value_means_the_default_and_one_line_of_log(variable: str, name: str, given: str) -> None:
    chosen = Settings({**ENDPOINT, variable: given})
    assert getattr(chosen, name) == getattr(Settings(ENDPOINT), name)
    assert len(chosen.problems) == 1
    assert chosen.problems[0].startswith(variable)
    assert len(chosen.problems[0]) < 200
    assert "\n" not in chosen.problems[0]


def test_what_is_empty_is_not_set() -> None:
    chosen = Settings({**ENDPOINT, "COLDLIGHT_LOGS": "", "COLDLIGHT_PAYLOADS": " ", "COLDLIGHT_PORT": ""})
    assert (chosen.ship_logs, chosen.payloads, chosen.port, chosen.problems) == (True, "errors", 4320, [])


def test_every_switch_is_documented_with_its_default() -> None:
    source = Path(settings.__file__).read_text()
    documented = (
        Path(__file__).parents[2].joinpath("docs/lambda-layer.md").read_text().partition("\n## Switches\n")[2]
    )
    for name in set(re.findall(r'"(COLDLIGHT_\w+)"', source)):
        assert f"| `{name}` |" in documented
