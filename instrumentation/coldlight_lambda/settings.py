"""What the function's environment says, read once. A wrong value is told in one line of log, and costs the function nothing."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OFF, ERRORS, ON = "off", "errors", "on"
"""When payloads are recorded."""
EXTENSION, THREAD = "extension", "thread"
"""Where the shipper runs."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class Settings:
    """`problems` says what is wrong; a layer that has any that is fatal (`is_idle`) records nothing."""

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
        "shipper",
        "ship_logs",
        "token",
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self.endpoint = environment.get("COLDLIGHT_ENDPOINT", "").rstrip("/")
        self.token = environment.get("COLDLIGHT_TOKEN", "")
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
            self.problems.append("COLDLIGHT_ENDPOINT is not set: give the collector's URL, such as https://coldlight.example:4318")
        elif not self.endpoint.startswith(("http://", "https://")):
            self.problems.append(f"COLDLIGHT_ENDPOINT is no URL: {self.endpoint!r} does not begin with http:// or https://")
        else:
            return True
        return False

    def _flag(self, environment: Mapping[str, str], name: str, default: bool) -> bool:
        given = environment.get(name)
        if given is None:
            return default
        if given.lower() not in _TRUE + _FALSE:
            self.problems.append(f"{name} is {given!r}: give true or false")
            return default
        return given.lower() in _TRUE

    def _choice(self, environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
        """The first choice is the default."""
        given = environment.get(name, choices[0]).lower()
        if given not in choices:
            self.problems.append(f"{name} is {given!r}: give one of {', '.join(choices)}")
            return choices[0]
        return given

    def _number(self, environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
        given = environment.get(name, "")
        if not given:
            return default
        if not given.isdigit() or not least <= int(given) <= most:
            self.problems.append(f"{name} is {given!r}: give a number from {least} to {most}")
            return default
        return int(given)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def read() -> Settings:
    """The settings of this process."""
    return Settings(os.environ)
