"""What can be set, each setting defined once: the fields of `Settings` are the list.

A field's name is its TOML key, its flag (`--otlp-http-port`) and its variable (`COLDLIGHT_OTLP_HTTP_PORT`);
its description is the text of `--help`, of `docs/settings.md` and of the TOML template; the `Form` of its
type says how a value is written. `Settings(...)` alone looks at nothing outside; `load` does.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from coldlight_cli.forms import (
    ClickHouseUrl,
    Count,
    Directory,
    Duration,
    Form,
    Fraction,
    Host,
    LogFormat,
    LogLevel,
    Milliseconds,
    OptionalHost,
    Origins,
    PemFile,
    Port,
    PriceFile,
    Rate,
    Retention,
    Seconds,
    Size,
    SizeRate,
    StateUrl,
    Token,
    is_loopback,
)

PREFIX = "COLDLIGHT_"
CONFIG_DEFAULT = Path("coldlight.toml")
GIB = 1 << 30


class SettingsError(Exception):
    """Settings are wrong. The text has a line for each, naming where it was set and what to write instead."""


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for control_group in ("memory.max", "memory/memory.limit_in_bytes"):
        file = Path("/sys/fs/cgroup", control_group)
        if file.exists() and (text := file.read_text().strip()).isdigit():
            limits.append(int(text))
    return min(limits)


def quarter_of_memory() -> int:
    """a quarter of the machine's memory, at least 1G"""
    return max(GIB, machine_memory() // 4)


class Settings(BaseSettings):
    """All settings, checked and frozen. Raises pydantic's ValidationError; secrets show as `**********`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    data: Directory = Field(
        default=Path("coldlight-data"),
        description="Directory of the embedded ClickHouse, the journal and the state.",
    )
    clickhouse: ClickHouseUrl = Field(
        default=None,
        description="URL of a ClickHouse server. Without it, ClickHouse runs embedded in --data.",
    )
    state: StateUrl = Field(
        default=None,
        description="URL of a PostgreSQL database for tokens. Without it they are in state.db in --data.",
    )
    host: Host = Field(
        default="127.0.0.1",
        description="Address to listen on. One that other machines reach is refused until there is a token.",
    )
    otlp_http_port: Port = Field(
        default=4318,
        description="OTLP/HTTP, and every other receiver that speaks HTTP; 0 takes any free port.",
    )
    otlp_grpc_port: Port = Field(default=4317, description="OTLP/gRPC; 0 takes any free port.")
    zipkin_port: Port = Field(
        default=9411, description="Zipkin, which is served with OTLP/HTTP, too; 0 takes any free port."
    )
    xray_port: Port = Field(
        default=2000,
        description="X-Ray's daemon (UDP, TCP); 0 takes any free port.",
    )
    xray_host: OptionalHost = Field(
        default=None,
        description="Address of X-Ray's daemon: --host where that is loopback, else 127.0.0.1, as datagrams carry no token.",
    )
    query_port: Port = Field(default=4319, description="Web UI and query API; 0 takes any free port.")
    auth_token: Token = Field(
        default=None,
        description="One token for everything, beside those of `coldlight token`. Prefer the variable: flags show in ps.",
    )
    token_items: Rate = Field(
        default=None,
        description="Spans, log records and data points that a token may send a second, unless it says otherwise.",
    )
    token_bytes: SizeRate = Field(
        default=None, description="Bytes that a token may send a second, unless it says otherwise."
    )
    tls_cert: PemFile = Field(
        default=None,
        description="Certificate with its chain: with it, every port but X-Ray's speaks TLS alone. A renewed file is"
        " taken up within seconds.",
    )
    tls_key: PemFile = Field(default=None, description="Private key of --tls-cert, without a password.")
    cors_origins: Origins = Field(
        default=(), description="Origins whose web pages may send and read, separated by commas (CORS)."
    )
    memory: Size = Field(
        default_factory=quarter_of_memory, description="Memory that the embedded ClickHouse may use."
    )
    journal_limit: Size = Field(
        default=4 * GIB,
        description="Disk space for what is acknowledged but not yet in ClickHouse. Beyond it, senders get"
        " 503 and try again later; a request larger than it gets 413.",
    )
    max_request: Size = Field(default=64 << 20, description="Largest request as it is sent; beyond it, 413.")
    max_request_decompressed: Size = Field(
        default=64 << 20, description="Largest request once it is decompressed; beyond it, 413."
    )
    max_request_expanded: Size = Field(
        default=256 << 20,
        description="Largest request once its resource is copied to each of its items, as ClickHouse stores"
        " it; beyond it, 413. At most an eighth of the embedded ClickHouse's memory.",
    )
    max_connections: Count = Field(
        default=1000,
        description="Open connections to each port; beyond it the slowest make room, and if none is slow: 503.",
    )
    max_connections_per_address: Count = Field(
        default=500,
        description="The same for one client address, over HTTP: one that many share, as behind NAT, may need more.",
    )
    batch_rows: Count = Field(
        default=262_144, description="Rows after which a batch is inserted without waiting any longer."
    )
    batch_bytes: Size = Field(
        default=384 << 20,
        description="Size after which a batch is inserted, counted as for a request; ClickHouse needs about"
        " three times as much memory for it. At most a sixteenth of the embedded ClickHouse's memory.",
    )
    batch_linger_ms: Milliseconds = Field(
        default=200, description="Milliseconds for which a batch waits for more before it is inserted."
    )
    self_trace: Fraction = Field(
        default=0.0,
        description="Fraction of requests that the collector traces itself, into itself; 0 is off.",
    )
    retention_traces: Retention = Field(
        default=timedelta(days=14), description="How long spans are kept, in days (14d), or forever."
    )
    retention_logs: Retention = Field(
        default=timedelta(days=14), description="How long log records are kept, in days (14d), or forever."
    )
    retention_metrics: Retention = Field(
        default=timedelta(days=30), description="How long metrics are kept, in days (30d), or forever."
    )
    query_timeout: Duration = Field(
        default=timedelta(seconds=30), description="Time after which a query is given up, such as 30s."
    )
    prices: PriceFile = Field(
        default=None, description="Prices and discounts of your own, over those that come with Coldlight."
    )
    drain_seconds: Seconds = Field(
        default=10, description="Seconds that a stop waits for open requests and the last batches."
    )
    log_level: LogLevel = Field(
        default="info", description="Least level to log: debug, info, warning or error."
    )
    log_format: LogFormat = Field(
        default="auto",
        description="How to log: json (a line each), text, or auto: text on a terminal, else json.",
    )

    @property
    def xray_address(self) -> str:
        """A datagram cannot carry a token: unless it is told otherwise, only this machine may send them."""
        return self.xray_host or (self.host if is_loopback(self.host) else "127.0.0.1")

    @property
    def public_host(self) -> str | None:
        """An address that other machines reach, if there is one."""
        return next((host for host in (self.host, self.xray_address) if not is_loopback(host)), None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments alone: `load` reads the other sources, and remembers which of them said what."""
        return (init_settings,)

    @model_validator(mode="after")
    def _cert_with_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise PydanticCustomError(
                "tls_half",
                f"TLS takes a certificate and its key: set {missing} ({variable(missing)}), too",
                {"setting": given},
            )
        return self


def flag(name: str) -> str:
    """`--otlp-http-port` for `otlp_http_port`."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """`COLDLIGHT_OTLP_HTTP_PORT` for `otlp_http_port`."""
    return PREFIX + name.upper()


def load(flags: Mapping[str, object] | None = None, config: Path | None = None) -> Settings:
    """The settings of this run: `flags` (by field name), else variables, else the TOML file, else defaults.

    The file is `config`, else COLDLIGHT_CONFIG, else ./coldlight.toml if that exists.
    Raises SettingsError, with a line for each setting that is wrong.
    """
    given = flags or {}
    file = _config_file(config)
    table = _read(file) if file else {}
    try:
        return Settings(**{**table, **EnvSettingsSource(Settings)(), **given})
    except ValidationError as error:
        lines = [_explain(details, given, file) for details in error.errors(include_url=False)]
    raise SettingsError("\n".join(lines))  # not from the error: its values may be secrets


def _config_file(config: Path | None) -> Path | None:
    if named := config or os.environ.get(variable("config")):
        return Path(named)
    return CONFIG_DEFAULT if CONFIG_DEFAULT.exists() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; name a readable TOML file or none") from error
    except ValueError as error:  # TOMLDecodeError or UnicodeDecodeError
        raise SettingsError(f"{file}: no TOML: {error}") from error
    if unknown := [_unknown(key, file) for key in table if key not in Settings.model_fields]:
        raise SettingsError("\n".join(unknown))
    return table


def _unknown(key: str, file: Path) -> str:
    nearest = get_close_matches(key.lower().replace("-", "_"), Settings.model_fields, n=1, cutoff=0.0)
    return f"{file}: there is no setting {key!r}; the nearest is {nearest[0]!r}"


def _explain(error: ErrorDetails, flags: Mapping[str, object], file: Path | None) -> str:
    """One line: where the wrong value was set, the value unless it is a secret, and what to write."""
    context = error.get("ctx", {})
    name = str(context.get("setting") or error["loc"][0])
    source = _source(name, flags, file)
    if error["type"] == "tls_half":
        return f"{source}: {error['msg']}"
    form = _form(Settings.model_fields[name])
    wrong = "this value (not shown)" if form.secret else repr(error["input"])
    return f"{source}: {wrong} does not do; it takes {form.takes}"


def _source(name: str, flags: Mapping[str, object], file: Path | None) -> str:
    if name in flags:
        return flag(name)
    if variable(name) in map(str.upper, os.environ):  # pydantic-settings does not mind the case
        return variable(name)
    return f"{file}: {name}"


def _form(field: FieldInfo) -> Form:
    return next(item for item in field.metadata if isinstance(item, Form))


@dataclass(frozen=True)
class Setting:
    """A row of the reference: `key` is the TOML key, `default` is written as `flag` takes it (None: none)."""

    flag: str
    variable: str
    key: str
    default: str | None
    description: str
    metavar: str


CONFIG = Setting(
    flag=flag("config"),
    variable=variable("config"),
    key="",
    default=f"./{CONFIG_DEFAULT}, if it exists",
    description="TOML file with settings. Flags and variables win over it.",
    metavar="FILE",
)
"""The one setting that a TOML file cannot hold: which file that is."""


def reference() -> list[Setting]:
    """Every setting, in the order in which `Settings` has them."""
    return [setting(name) for name in Settings.model_fields]


def setting(name: str) -> Setting:
    """The row of one field of `Settings`; raises KeyError when there is none of that name."""
    field = Settings.model_fields[name]
    form = _form(field)
    return Setting(
        flag=flag(name),
        variable=variable(name),
        key=name,
        default=_default(field, form),
        description=field.description or "",
        metavar=form.metavar,
    )


def _default(field: FieldInfo, form: Form) -> str | None:
    if field.default_factory:
        return field.default_factory.__doc__  # in words: what it gives depends on the machine
    return None if field.default in (None, ()) else form.show(field.default)


def markdown() -> str:
    """The table of `docs/settings.md`."""
    head = "| Flag | Variable | TOML key | Default | What it sets |\n|---|---|---|---|---|\n"
    return head + "".join(_table_row(row) for row in (CONFIG, *reference()))


def _table_row(row: Setting) -> str:
    key = f"`{row.key}`" if row.key else ""
    cells = (f"`{row.flag} {row.metavar}`", f"`{row.variable}`", key, row.default or "", row.description)
    return f"| {' | '.join(cells)} |\n"
