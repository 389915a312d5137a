import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldlight_lambda import masking
from coldlight_lambda.excerpts import excerpt

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.fixture(autouse=True)
def default_names() -> Iterator[None]:
    yield
    masking.set_up(())


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "x-api-key",
        "db_password",
        "clientSecret",
        "Set-Cookie",
        "X-Amz-Security-Token",
        "api key",
        "pwd",
        "CVV",
    ],
)
def test_what_stands_under_a_secrets_name_is_masked(name: str) -> None:
    assert json.loads(excerpt({name: "x", "n": 1}, 2048)) == {name: "***", "n": 1}


@pytest.mark.parametrize(
    "name", ["shipping", "author", "tokenType", "SignatureVersion", "opinion", "passenger"]
)
def test_a_name_that_only_looks_alike_is_not_a_secrets(name: str) -> None:
    assert json.loads(excerpt({name: "x"}, 2048)) == {name: "x"}


def test_further_names_can_be_given() -> None:
    masking.set_up(["date-of-birth", " iban "])
    assert json.loads(excerpt({"dateOfBirth": "1", "customer_iban": "2", "a": 3}, 2048)) == {
        "dateOfBirth": "***",
        "customer_iban": "***",
        "a": 3,
    }


def test_that_a_secret_is_missing_is_no_secret() -> None:
    given = {"password": None, "token": "", "use_token": True, "max_tokens": 100}
    assert json.loads(excerpt(given, 2048)) == given


def test_everything_below_a_secrets_name_is_masked() -> None:
    assert excerpt({"credentials": {"user": "a", "more": ["b"]}}, 2048) == '{"credentials":"***"}'


@pytest.mark.parametrize(
    "secret",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        JWT,
        "ghp_" + "a1B2" * 9,
        "xoxb-123456789012-abcdefghij",
        "sk_live_abcdefghijkl",
        "cl_12ab_abcdefghijklmnopqrst",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIE and the rest is not there",
    ],
)
def test_a_secret_is_known_by_its_looks(secret: str) -> None:
    assert excerpt({"note": f"it is {secret}"}, 2048) == '{"note":"it is ***"}'


@pytest.mark.parametrize(
    "harmless",
    [
        "4111 1111 1111 1112",
        "1700000000000",
        "0.4111111111111111",
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "41111111-1111-1111-1111-111111111111",
        "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "49590338271490256608559692538361571095921575989136588898",
        "basic understanding of bearer bonds",
    ],
)
def test_numbers_ids_and_words_stay(harmless: str) -> None:
    assert json.loads(excerpt({"note": harmless}, 2048)) == {"note": harmless}


def test_a_card_number_that_is_a_number_is_masked() -> None:
    assert excerpt([4111111111111111, 4111111111111112], 2048) == '["***",4111111111111112]'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("user=a&password=b&n=1", "user=a&password=***&n=1"),
        ("https://h/p?X-Amz-Signature=abc&X-Amz-Date=1", "https://h/p?X-Amz-Signature=***&X-Amz-Date=1"),
        ("postgresql://user:hunter2@host/db", "postgresql://user:***@host/db"),
        ('broken {"password": "a \\" b", "n": 1', 'broken {"password": "***", "n": 1'),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
    ],
)
def test_secrets_in_a_text_are_masked_where_they_stand(text: str, masked: str) -> None:
    assert excerpt(text, 2048) == masked


def test_json_inside_of_strings_is_masked_by_its_names_however_deep() -> None:
    inner = json.dumps({"password": "a", "n": 1})
    event = {"Records": [{"body": json.dumps({"Message": json.dumps({"detail": inner})})}]}
    found = json.loads(excerpt(event, 2048))
    message = json.loads(json.loads(found["Records"][0]["body"])["Message"])
    assert json.loads(message["detail"]) == {"password": "***", "n": 1}


def test_json_in_base64_is_shown_as_what_it_is() -> None:
    record = {"kinesis": {"data": "eyJwYXNzd29yZCI6ICJodW50ZXIyIiwgIm4iOiAxfQ=="}}
    assert json.loads(json.loads(excerpt(record, 2048))["kinesis"]["data"]) == {"password": "***", "n": 1}


def test_a_proxys_body_in_base64_is_read() -> None:
    event = {"isBase64Encoded": True, "body": "dXNlcj1hJnBhc3N3b3JkPWI="}
    assert json.loads(excerpt(event, 2048))["body"] == "user=a&password=***"


def test_a_name_that_is_there_twice_hides_nothing() -> None:
    assert "hunter2" not in excerpt('{"password": "hunter2", "password": null}', 2048)


def test_json_that_needs_no_mask_stays_as_it_was_written() -> None:
    text = '{ "amount" : 1.50E1, "ok" : true }'
    assert excerpt(text, 2048) == text
    assert json.loads(excerpt({"body": text}, 2048)) == {"body": text}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1500),
    st.sampled_from([JWT, "4111111111111111", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]),
    st.booleans(),
)
def test_no_half_of_a_secret_is_left_where_a_text_is_cut(before: int, secret: str, is_json: bool) -> None:
    text = "- " * before + secret + " -" * 2000
    given: Any = json.dumps({"a": text}) if is_json else text
    found = excerpt(given, 1024)
    assert secret[:9] not in found
    assert len(found) <= 1024


def test_keys_that_are_secrets_themselves_are_masked() -> None:
    assert "4111111111111111" not in excerpt({"4111111111111111": 1}, 2048)


def test_patterns_take_time_in_proportion_to_the_text() -> None:
    for piece in (
        "eyJ-",
        "a=",
        "://a:",
        "4",
        "cl_a_",
        "SG.",
        "bearer ",
        "\\",
        '"',
        "-----BEGIN PRIVATE KEY-----",
    ):
        masking.text(piece * (200_000 // len(piece)))  # would take minutes, were one of them not


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('connect(password="hunter2")', 'connect(password="***'),
        ("connect('jane', settings.password or 'hunter2')", "connect('***"),
        ('TOKEN: str = "hunter2"', 'TOKEN: str = "***'),
        ('os.environ["API_KEY"] = "hunter2"', 'os.environ["***'),
        ("it's \"\"\" in the middle of a text: password = 'hunter2'", "it'***"),
        ("if pin == 4711:", "if pin == ***:"),
        ("connect('postgresql://jane:hunter2@db/shop')", "connect('postgresql://jane:***@db/shop')"),
        (f'call("{JWT}")', 'call("***")'),
        ('raise ValueError("no such order")', 'raise ValueError("no such order")'),
        ("return password", "return password"),
        ("", ""),
    ],
)
def test_a_line_of_source_shows_no_secret(line: str, shown: str) -> None:
    assert masking.source(line) == shown


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_quoted_text_beside_a_secrets_name_is_shown(before: str, quoted: str) -> None:
    line = f"{before} password = {quoted!r} + 'hunter2'"
    assert "hunter2" not in masking.source(line)[len(before) :]
