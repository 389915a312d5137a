"""The shipper as a thread of the function's process, where an extension of its own cannot run.

It is an internal extension: registered by the runtime's process before that asks for its first invocation, told of
invocations, not of the end. So everything is sent at an invocation's end, as long as the collector is prompt; and what a
killed process knew dies with it.
"""

from __future__ import annotations

import os
import sys
import threading

from coldlight_lambda.shipper.cycle import Cycle
from coldlight_lambda.shipper.ears import Ears
from coldlight_lambda.shipper.extension import Extension, Refused, listen_to_telemetry
from coldlight_lambda.shipper.sender import Sender
from coldlight_lambda.shipper.station import Station

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.settings import Settings
    from coldlight_lambda.spans import Attributes

NAME = "coldlight-thread"


def start(chosen: Settings, resource: Attributes) -> Station:
    """Where the recorder sends its frames to: the station of a shipper that runs from now on. Raises OSError, `Refused`."""
    station = Station(resource, chosen.ship_logs)
    station.ledger.has_recorder = True
    sender = Sender(station, chosen.endpoint, chosen.token)
    extension = Extension(os.environ["AWS_LAMBDA_RUNTIME_API"])
    extension.register(NAME, ["INVOKE"])
    telemetry = listen_to_telemetry()
    Ears(station, telemetry, None).start()
    has_telemetry = _subscribed(extension, telemetry.getsockname()[1])
    sender.start()
    cycle = Cycle(station, sender, has_telemetry, is_internal=True)
    threading.Thread(target=_serve, args=(extension, cycle), name="coldlight-shipper", daemon=True).start()
    return station


def _subscribed(extension: Extension, port: int) -> bool:
    try:
        return extension.subscribe(port)
    except OSError:
        return False


def _serve(extension: Extension, cycle: Cycle) -> None:
    while True:
        try:
            event = extension.next()
        except (OSError, ValueError, Refused) as error:
            print(f"coldlight: the shipper's thread ends: {type(error).__name__}: {error}", file=sys.stderr)
            return
        try:
            cycle.invoke(event)
        except Exception as error:  # noqa: BLE001 - the function goes on without us
            print(
                f"coldlight: an invocation could not be followed: {type(error).__name__}: {error}",
                file=sys.stderr,
            )
