"""The types of settings: each checks a value and carries a `Form`, which says how to write one."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from coldlight_cli.quantities import format_duration, format_size, parse_duration, parse_size

FOREVER = "forever"
"""The retention that keeps everything; `None` in the settings object."""


@dataclass(frozen=True)
class Form:
    """How a setting's values are written.

    `takes` completes the sentence "It takes ..."; `show` writes a value as flags and variables take it;
    the values of a secret are never printed.
    """

    metavar: str
    takes: str
    show: Callable[[Any], str] = str
    secret: bool = False


def is_loopback(host: str) -> bool:
    """A name other than `localhost` counts as public: what it resolves to can change."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a boolean is no number")  # noqa: TRY004 pydantic takes no TypeError
    return value


def _size(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else _no_boolean(value)


def _duration(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


def _retention(value: object) -> timedelta | None:
    if value is None or value == FOREVER:
        return None
    duration = _duration(value)
    # Rows leave with their partition, and a partition is a day.
    if duration < timedelta(days=1) or duration % timedelta(days=1):
        raise ValueError("a retention is whole days")
    return duration


def _show_retention(retention: timedelta | None) -> str:
    return FOREVER if retention is None else format_duration(retention)


def _show_directory(directory: Path) -> str:
    return str(directory) if directory.is_absolute() else f"./{directory}"


def _host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host):
        ipaddress.ip_address(host)
    return host


def _clickhouse_url(secret: SecretStr) -> SecretStr:
    url = urlsplit(secret.get_secret_value())
    # Reading the port raises ValueError when a password holds a raw `/`, `?` or `#`.
    well_formed = url.scheme in ("http", "https") and url.hostname and url.port != 0
    if not well_formed or url.fragment or "/" in url.path.removeprefix("/"):
        raise ValueError("no ClickHouse URL")
    return secret


def _state_url(secret: SecretStr) -> SecretStr:
    url = urlsplit(secret.get_secret_value())
    if url.scheme not in ("postgresql", "postgres") or not url.hostname or url.path in ("", "/"):
        raise ValueError("no URL of a state")
    return secret


def _token(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{16,}", secret.get_secret_value()):
        raise ValueError("no token")
    return secret


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _origin(origin: str) -> str:
    url = urlsplit(origin)
    if url.scheme not in ("http", "https") or not url.hostname or origin != f"{url.scheme}://{url.netloc}":
        raise ValueError("no origin")
    return origin


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_NUMBER = BeforeValidator(_no_boolean)

Port = Annotated[
    int, _NUMBER, Field(ge=0, le=65535), Form("PORT", "a port from 1 to 65535, or 0 for any free one")
]
Count = Annotated[int, _NUMBER, Field(ge=1), Form("N", "a whole number from 1 on")]
Fraction = Annotated[
    float, _NUMBER, Field(ge=0, le=1), Form("FRACTION", "a number from 0 to 1, such as 0.01", "{:g}".format)
]
Rate = Annotated[
    Annotated[int, _NUMBER, Field(ge=1)] | None,
    Form("N", "a whole number from 1 on"),
]
SizeRate = Annotated[
    Annotated[int, BeforeValidator(_size), Field(ge=1)] | None,
    Form("SIZE", "a size in bytes, or with K, M, G or T, such as 10M", format_size),
]
OptionalHost = Annotated[
    Annotated[str, AfterValidator(_host)] | None,
    Form("HOST", "an address or a name, without scheme and port, such as 0.0.0.0"),
]
Seconds = Annotated[int, _NUMBER, Field(ge=0), Form("SECONDS", "whole seconds, from 0 on")]
Milliseconds = Annotated[int, _NUMBER, Field(ge=0), Form("MS", "whole milliseconds, from 0 on")]
Size = Annotated[
    int,
    BeforeValidator(_size),
    Field(ge=1),
    Form("SIZE", "a size in bytes, or with K, M, G or T, such as 512M", format_size),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    Field(gt=timedelta()),
    Form("DURATION", "a duration with its unit (d, h, m, s or ms), such as 30s", format_duration),
]
Retention = Annotated[
    timedelta | None,
    BeforeValidator(_retention),
    Form("DAYS", f"whole days, such as 14d, or {FOREVER}", _show_retention),
]
Directory = Annotated[Path, Form("DIR", "a directory", _show_directory)]
PemFile = Annotated[Path | None, Form("FILE", "a file in PEM")]
PriceFile = Annotated[Path | None, Form("FILE", "a file of prices in JSON")]
Host = Annotated[
    str,
    AfterValidator(_host),
    Form("HOST", "an address or a name, without scheme and port, such as 127.0.0.1"),
]
ClickHouseUrl = Annotated[
    Annotated[SecretStr, AfterValidator(_clickhouse_url)] | None,
    Form(
        "URL",
        "a URL such as http://user:password@host:8123/database (http or https; special characters in the"
        " password percent-encoded)",
        secret=True,
    ),
]
Token = Annotated[
    Annotated[SecretStr, AfterValidator(_token)] | None,
    Form(
        "TOKEN",
        "16 or more printable ASCII characters without spaces, such as `openssl rand -hex 32` gives",
        secret=True,
    ),
]
StateUrl = Annotated[
    Annotated[SecretStr, AfterValidator(_state_url)] | None,
    Form(
        "URL",
        "a URL such as postgresql://user:password@host:5432/database (special characters in the password"
        " percent-encoded)",
        secret=True,
    ),
]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...],
    NoDecode,
    BeforeValidator(_comma_separated),
    Form("ORIGINS", "origins such as https://shop.example, separated by commas (no wildcard)", ",".join),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(_lower),
    Form("LEVEL", "debug, info, warning or error"),
]
LogFormat = Annotated[
    Literal["auto", "json", "text"],
    BeforeValidator(_lower),
    Form("FORMAT", "auto, json or text"),
]
