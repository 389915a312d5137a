"""Settings: where they come from, which source wins, and what a wrong one says."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from coldlight_cli.options import with_settings
from coldlight_cli.quantities import format_duration, format_size, parse_duration, parse_size
from coldlight_cli.settings import Settings, SettingsError, load, markdown, reference

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no variable of the machine reaches a test."""
    monkeypatch.chdir(tmp_path)
    for row in reference():
        monkeypatch.delenv(row.variable, raising=False)
    monkeypatch.delenv("COLDLIGHT_CONFIG", raising=False)


def toml(text: str, name: str = "coldlight.toml") -> Path:
    file = Path(name)
    file.write_text(text)
    return file


def refusal(flags: dict[str, object] | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(flags)
    return str(refused.value)


def test_without_any_source_the_defaults_hold() -> None:
    settings = load()
    assert (settings.host, settings.otlp_http_port, settings.otlp_grpc_port) == ("127.0.0.1", 4318, 4317)
    assert settings.retention_metrics == timedelta(days=30)
    assert settings.clickhouse is None


def test_embedded_clickhouse_gets_at_least_one_gibibyte() -> None:
    assert load().memory >= 1 << 30


def test_the_file_in_the_working_directory_is_read() -> None:
    toml('query_port = 5000\ncors_origins = ["https://shop.example"]')
    assert load().query_port == 5000
    assert load().cors_origins == ("https://shop.example",)


def test_variables_win_over_the_file_and_flags_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    toml("query_port = 5000\notlp_http_port = 5001\notlp_grpc_port = 5002")
    monkeypatch.setenv("COLDLIGHT_OTLP_HTTP_PORT", "6001")
    monkeypatch.setenv("COLDLIGHT_OTLP_GRPC_PORT", "6002")
    settings = load({"otlp_grpc_port": "7002"})
    assert (settings.query_port, settings.otlp_http_port, settings.otlp_grpc_port) == (5000, 6001, 7002)


def test_a_named_file_is_read_in_place_of_the_one_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("query_port = 5000")
    monkeypatch.setenv("COLDLIGHT_CONFIG", str(toml("query_port = 6000", "other.toml")))
    assert load().query_port == 6000
    assert load(config=toml("query_port = 7000", "flag.toml")).query_port == 7000


def test_a_named_file_that_is_missing_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: No such file or directory"):
        load(config=Path("missing.toml"))


def test_broken_toml_names_file_and_line() -> None:
    toml("host = '127.0.0.1'\nquery_port 4319")
    assert re.search(r"coldlight\.toml: no TOML: .*line 2", refusal())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().host = "0.0.0.0"


def test_settings_built_in_code_look_at_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDLIGHT_QUERY_PORT", "6000")
    toml("otlp_http_port = 6001")
    assert (Settings().query_port, Settings().otlp_http_port) == (4319, 4318)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("memory", "2G", 2 << 30),
        ("max_request", "64M", 64 << 20),
        ("journal_limit", "1024", 1024),
        ("retention_traces", "7d", timedelta(days=7)),
        ("retention_traces", "forever", None),
        ("query_timeout", "500ms", timedelta(milliseconds=500)),
        (
            "cors_origins",
            "https://a.example, http://b.example:8080",
            ("https://a.example", "http://b.example:8080"),
        ),
        ("log_level", "WARNING", "warning"),
        ("host", "::1", "::1"),
        ("otlp_http_port", "0", 0),
    ],
)
def test_a_value_means_the_same_from_every_source(
    monkeypatch: pytest.MonkeyPatch, key: str, text: str, value: object
) -> None:
    assert getattr(load({key: text}), key) == value
    monkeypatch.setenv(f"COLDLIGHT_{key.upper()}", text)
    assert getattr(load(), key) == value


def test_an_unknown_key_in_the_file_names_the_nearest() -> None:
    toml("otlp-port = 4318\nretention = '14d'")
    assert refusal().splitlines() == [
        "coldlight.toml: there is no setting 'otlp-port'; the nearest is 'otlp_http_port'",
        "coldlight.toml: there is no setting 'retention'; the nearest is 'retention_logs'",
    ]


def test_a_wrong_value_names_its_source_and_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    toml("query_port = true\nmemory = '2Q'")
    monkeypatch.setenv("COLDLIGHT_LOG_LEVEL", "loud")
    assert refusal({"otlp_http_port": "70000"}).splitlines() == [
        "--otlp-http-port: '70000' does not do; it takes a port from 1 to 65535, or 0 for any free one",
        "coldlight.toml: query_port: True does not do; it takes a port from 1 to 65535, or 0 for any free one",
        "coldlight.toml: memory: '2Q' does not do; it takes a size in bytes, or with K, M, G or T, such as 512M",
        "COLDLIGHT_LOG_LEVEL: 'loud' does not do; it takes debug, info, warning or error",
    ]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("host", "localhost:4318"),
        ("host", "http://localhost"),
        ("host", ""),
        ("retention_logs", "36h"),
        ("retention_logs", "0d"),
        ("retention_logs", "14"),
        ("memory", "0"),
        ("memory", "-1G"),
        ("query_timeout", "0s"),
        ("query_timeout", "999999999999d"),
        ("cors_origins", "*"),
        ("cors_origins", "https://shop.example/"),
        ("max_connections", "0"),
        ("batch_linger_ms", "-1"),
        ("log_level", "loud"),
    ],
)
def test_nonsense_is_refused(key: str, text: str) -> None:
    assert refusal({key: text}).startswith(f"--{key.replace('_', '-')}: {text!r} does not do; it takes ")


@pytest.mark.parametrize(
    "url",
    [
        "http://ch:8123",
        "https://u:p%2F%40@ch.example:8443/traces",
        "http://[::1]:8123/db",
        "http://ch/db?a=1",
    ],
)
def test_clickhouse_takes_a_url(url: str) -> None:
    clickhouse = load({"clickhouse": url}).clickhouse
    assert clickhouse is not None
    assert clickhouse.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "ch:8123",
        "clickhouse://u:s3cret@ch:9000/db",
        "http://:8123/db",
        "http://u:s3cret/@ch:8123/db",
        "http://u:s3cret#@ch:8123/db",
        "http://u:s3cret@ch:port/db",
        "http://u:s3cret@ch:8123/db/table",
        "",
    ],
)
def test_a_wrong_clickhouse_url_shows_the_form_and_never_the_password(url: str) -> None:
    said = refusal({"clickhouse": url})
    assert "http://user:password@host:8123/database" in said
    assert "s3cret" not in said


def test_secrets_are_not_printed() -> None:
    settings = load({"clickhouse": "http://u:s3cret@ch:8123/db", "auth_token": TOKEN})
    printed = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "s3cret" not in printed
    assert TOKEN not in printed


@pytest.mark.parametrize("token", ["", "short", "sixteen with spaces", "0123456789abcde\n"])
def test_a_weak_token_is_refused_and_not_shown(token: str) -> None:
    said = refusal({"auth_token": token})
    assert said.startswith("--auth-token: this value (not shown) does not do; it takes 16 or more")
    assert not token or token not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "coldlight.example", "::ffff:127.0.0.1"])
def test_other_machines_reach_these_hosts(host: str) -> None:
    assert load({"host": host}).public_host == host


def test_datagrams_are_for_this_machine_unless_told_otherwise() -> None:
    assert load({"host": "0.0.0.0"}).xray_address == "127.0.0.1"
    assert load({"host": "::1"}).xray_address == "::1"
    opened = load({"xray_host": "0.0.0.0"})
    assert (opened.xray_address, opened.public_host) == ("0.0.0.0", "0.0.0.0")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_only_this_machine_reaches_these_hosts(host: str) -> None:
    assert load({"host": host}).public_host is None


@given(st.integers(min_value=0, max_value=1 << 50))
def test_a_size_reads_back_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(min_value=1, max_value=10**13).map(lambda ms: timedelta(milliseconds=ms)))
def test_a_duration_reads_back_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_clear_error(text: str) -> None:
    for parse in (parse_size, parse_duration):
        try:
            parse(text)
        except ValueError as error:
            assert repr(text) in str(error)  # noqa: PT017 both outcomes are right


def test_every_default_can_be_written_down_as_it_is_shown() -> None:
    defaults = load()
    for row in reference():
        if row.default is not None and row.key != "memory":
            assert load({row.key: row.default}) == defaults


def test_the_documentation_lists_every_setting() -> None:
    """After a change, put the output of `coldlight_cli.settings.markdown()` in the place of the table."""
    assert markdown() in DOCS.read_text()


def command_line() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    @with_settings("host", "otlp_http_port", "memory", "auth_token")
    def collector(settings: Settings, note: str = "none") -> None:
        """Receive and store."""
        typer.echo(f"{settings.host} {settings.otlp_http_port} {settings.query_port} {note}")

    @app.command()
    @with_settings("query_port")
    def query(settings: Settings) -> None:
        typer.echo(settings.query_port)

    return app


def coldlight(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(command_line(), arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})
    return outcome.exit_code, outcome.output


def test_help_shows_description_variable_and_default_of_the_settings_taken() -> None:
    _, shown = coldlight("collector", "--help")
    words = " ".join(shown.split())
    assert "--otlp-http-port PORT OTLP/HTTP, and every other receiver" in words
    assert "[env var: COLDLIGHT_OTLP_HTTP_PORT]" in words
    assert "[default: 4318]" in words
    assert "[default: a quarter of the machine's memory, at least 1G]" in words
    assert "--config FILE TOML file with settings." in words
    assert "--note" in words
    assert "--query-port" not in words


def test_a_command_gets_its_flags_and_all_other_settings() -> None:
    toml("query_port = 5000")
    assert coldlight("collector", "--otlp-http-port", "0", "--note", "hi") == (0, "127.0.0.1 0 5000 hi\n")


def test_a_command_reads_the_file_named_by_its_flag() -> None:
    file = toml("query_port = 5001", "mine.toml")
    assert coldlight("query", "--config", str(file)) == (0, "5001\n")


def test_a_flag_wins_over_its_variable_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDLIGHT_QUERY_PORT", "6000")
    assert coldlight("query") == (0, "6000\n")
    assert coldlight("query", "--query-port", "7000") == (0, "7000\n")


def test_a_wrong_setting_ends_a_command_with_status_2_and_the_right_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    takes = "it takes a port from 1 to 65535, or 0 for any free one\n"
    assert coldlight("query", "--query-port", "x") == (2, f"--query-port: 'x' does not do; {takes}")
    monkeypatch.setenv("COLDLIGHT_QUERY_PORT", "y")
    assert coldlight("query") == (2, f"COLDLIGHT_QUERY_PORT: 'y' does not do; {takes}")


def test_a_command_cannot_name_a_setting_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="colour"):
        with_settings("colour")
