"""What the function's environment says, read once. A wrong value is told in one line of log, and costs the function nothing."""

from __future__ import annotations

import os

from coldlight_lambda.addresses import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OFF, ERRORS, ON = "off", "errors", "on"
"""When payloads are recorded."""
EXTENSION, THREAD = "extension", "thread"
"""Where the shipper runs."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_GIVE_URL = "give the collector's URL, such as https://coldlight.example:4318; nothing is recorded"


class Settings:
    """All of them are described in docs/lambda-layer.md, "Switches".

    `problems` says what is wrong, one line each, without values that may be secret. A layer that does not know where to send to, or
    is switched off, is idle (`is_idle`); any other wrong value means the default.
    """

    __slots__ = (
        "endpoint",
        "is_idle",
        "locals",
        "mask_keys",
        "near_timeout_ms",
        "original_handler",
        "payload_bytes",
        "payloads",
        "port",
        "problems",
        "propagate_in_bodies",
        "ship_logs",
        "shipper",
        "token",
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self.endpoint = environment.get("COLDLIGHT_ENDPOINT", "").strip().rstrip("/")
        self.token = self._token(environment)
        self.original_handler = environment.get("COLDLIGHT_HANDLER", "")
        is_disabled = self._flag(environment, "COLDLIGHT_DISABLED", False)
        self.payloads = self._choice(environment, "COLDLIGHT_PAYLOADS", (ERRORS, OFF, ON))
        self.payload_bytes = self._number(environment, "COLDLIGHT_PAYLOAD_BYTES", 2048, 0, 65536)
        self.mask_keys = _names(environment.get("COLDLIGHT_MASK_KEYS", ""))
        self.locals = self._flag(environment, "COLDLIGHT_LOCALS", False)
        self.near_timeout_ms = self._number(environment, "COLDLIGHT_NEAR_TIMEOUT_MS", 100, 0, 60_000)
        self.propagate_in_bodies = self._flag(environment, "COLDLIGHT_PROPAGATE_IN_BODIES", False)
        self.shipper = self._choice(environment, "COLDLIGHT_SHIPPER", (EXTENSION, THREAD))
        self.ship_logs = self._flag(environment, "COLDLIGHT_LOGS", True)
        self.port = self._number(environment, "COLDLIGHT_PORT", 4320, 1, 65535)
        self.is_idle = is_disabled or not self._has_good_endpoint()

    def _has_good_endpoint(self) -> bool:
        if not self.endpoint:
            self.problems.append(f"COLDLIGHT_ENDPOINT is not set: {_GIVE_URL}")
            return False
        try:
            Address(self.endpoint)
        except ValueError as error:
            self.problems.append(f"COLDLIGHT_ENDPOINT is {error}: {_GIVE_URL}")
            return False
        return True

    def _token(self, environment: Mapping[str, str]) -> str:
        """It travels in a header, and can be no more than that takes."""
        given = environment.get("COLDLIGHT_TOKEN", "").strip()
        if given.isascii() and given.isprintable() and " " not in given:
            return given
        self.problems.append(
            "COLDLIGHT_TOKEN is no token: it has characters that none has; sending without it"
        )
        return ""

    def _flag(self, environment: Mapping[str, str], name: str, default: bool) -> bool:
        given = environment.get(name, "").strip()
        if not given:
            return default
        if given.lower() not in _TRUE + _FALSE:
            self.problems.append(f"{name} is {given[:40]!r}: give true or false")
            return default
        return given.lower() in _TRUE

    def _choice(self, environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
        """The first choice is the default."""
        given = environment.get(name, "").strip().lower() or choices[0]
        if given not in choices:
            self.problems.append(f"{name} is {given[:40]!r}: give one of {', '.join(choices)}")
            return choices[0]
        return given

    def _number(self, environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
        given = environment.get(name, "").strip()
        if not given:
            return default
        is_number = given.isascii() and given.isdigit() and len(given) < 20
        if not is_number or not least <= int(given) <= most:
            self.problems.append(f"{name} is {given[:40]!r}: give a number from {least} to {most}")
            return default
        return int(given)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def read() -> Settings:
    """The settings of this process."""
    return Settings(os.environ)
