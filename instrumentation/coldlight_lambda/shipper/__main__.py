"""The shipper as a Lambda extension: `python3 -m coldlight_lambda.shipper`, started by the script in /opt/extensions.

An extension that exits takes the function with it. So whatever is wrong, this one stays, and does nothing.
"""

from __future__ import annotations

import os
import sys

from coldlight_lambda import settings
from coldlight_lambda.log import tell
from coldlight_lambda.shipper.extension import (
    MANAGED_INSTANCES,
    Extension,
    Refused,
    listen_to_recorder,
    listen_to_telemetry,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.settings import Settings
    from coldlight_lambda.shipper.cycle import Cycle

NAME = "coldlight"
_NICE = 5
"""The function comes first when both want the processor."""


def main() -> None:
    """Raises KeyError outside of Lambda."""
    chosen = settings.read()
    if chosen.problems:
        tell("; ".join(chosen.problems))
    extension = Extension(os.environ["AWS_LAMBDA_RUNTIME_API"])
    if chosen.is_idle or chosen.shipper == settings.THREAD:
        idle(extension)
        return
    try:
        cycle = _start(extension, chosen)
    except Exception as error:  # noqa: BLE001 - whatever it is, the function goes on without us
        tell(f"the shipper could not start, and sends nothing: {type(error).__name__}: {error}")
        idle(extension)
        return
    _serve(extension, cycle)


def _start(extension: Extension, chosen: Settings) -> Cycle:
    """The runtime starts once we are registered: by then the recorder's port is open, and all else comes after it."""
    recorder = listen_to_recorder(chosen.port)
    telemetry = listen_to_telemetry()
    init_type = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "")
    is_managed = init_type == MANAGED_INSTANCES
    extension.register(NAME, ["SHUTDOWN"] if is_managed else ["INVOKE", "SHUTDOWN"])
    os.nice(_NICE)

    from coldlight_lambda.resources import resource
    from coldlight_lambda.shipper.cycle import Cycle
    from coldlight_lambda.shipper.ears import Ears
    from coldlight_lambda.shipper.sender import Sender
    from coldlight_lambda.shipper.station import Station

    station = Station(resource(), chosen.ship_logs, init_type)
    sender = Sender(station, chosen.endpoint, chosen.token)
    Ears(station, telemetry, recorder).start()
    sender.start()
    return Cycle(station, sender, extension.subscribe(telemetry.getsockname()[1]))


def _serve(extension: Extension, cycle: Cycle) -> None:
    while True:
        event = extension.next()
        try:
            if event.get("eventType") == "SHUTDOWN":
                cycle.shut_down(event)
                return
            if event.get("eventType") == "INVOKE":
                cycle.invoke(event)
        except Exception as error:  # noqa: BLE001 - as above
            tell(f"an invocation could not be followed: {type(error).__name__}: {error}")


def idle(extension: Extension) -> None:
    """Takes part in nothing but the end."""
    try:
        if not extension.is_registered:
            extension.register(NAME, ["SHUTDOWN"])
    except (OSError, Refused):
        pass  # staying is all that is left
    while extension.next().get("eventType") != "SHUTDOWN":
        pass


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    os._exit(0)  # threads that wait for a collector are not waited for
