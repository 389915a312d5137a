"""Events as AWS documents them, in `events/`: what they carry is `FIRST` and `SECOND` in W3C's and B3's forms, `XRAY` in X-Ray's."""

import json
from pathlib import Path
from typing import Any

from coldlight_lambda.spans import Context
from coldlight_lambda.triggers import Trigger, trigger_of

FOLDER = Path(__file__).parent / "events"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))

FIRST = (bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736"), bytes.fromhex("00f067aa0ba902b7"))
SECOND = (bytes.fromhex("0af7651916cd43dd8448eb211c80319c"), bytes.fromhex("b7ad6b7169203331"))
XRAY = (bytes.fromhex("67891233abcdef012345678912345678"), bytes.fromhex("53995c3f42cd8ad8"))
FIRST_HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def sample(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def trigger(name: str) -> Trigger:
    return trigger_of(sample(name), None)


def ids(context: Context | None) -> tuple[bytes, bytes] | None:
    return (context.trace_id, context.span_id) if context else None


def parent(found: Trigger) -> tuple[bytes, bytes] | None:
    return ids(found.parent)


def senders(found: Trigger) -> list[tuple[tuple[bytes, bytes] | None, Any]]:
    """The links: whose span, and of which message."""
    return [(ids(link.context), link.attributes.get("messaging.message.id")) for link in found.links]


def known(found: Trigger) -> dict[str, Any]:
    return {name: value for name, value in found.attributes.items() if value is not None}
