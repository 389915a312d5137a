"""The shipper as a thread of the function's process, where an extension of its own cannot run.

It is an internal extension: registered by the runtime's process before that asks for its first invocation, told of
invocations, not of the end. So everything is sent at an invocation's end, as long as the collector is prompt; and what a
killed process knew dies with it. On a Managed Instance nobody is told of invocations, and nothing is frozen: there each process
sends now and then, and the platform's telemetry goes without.
"""

from __future__ import annotations

import os
import threading
import time

from coldlight_lambda import recorder
from coldlight_lambda.shipper.cycle import Cycle
from coldlight_lambda.shipper.ears import Ears
from coldlight_lambda.shipper.extension import MANAGED_INSTANCES, Extension, listen_to_telemetry
from coldlight_lambda.shipper.loops import forever
from coldlight_lambda.shipper.sender import Sender
from coldlight_lambda.shipper.station import Station

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.settings import Settings
    from coldlight_lambda.spans import Attributes

NAME = "coldlight-thread"
_TICK_S = 1.0


def start(chosen: Settings, resource: Attributes) -> Station:
    """Where the recorder sends its frames to: the station of a shipper that runs from now on. Raises OSError, `Refused`, or
    RuntimeError where no more threads can be had."""
    init_type = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "")
    station = Station(resource, chosen.ship_logs, init_type)
    station.ledger.has_recorder = True
    sender = Sender(station, chosen.endpoint, chosen.token)
    sender.start()
    os.register_at_fork(after_in_child=_stop_recording)
    if init_type == MANAGED_INSTANCES:
        forever("coldlight-ticks", lambda: _tick(station))
    else:
        _join(station, sender)
    return station


def _stop_recording() -> None:
    """In a process that was forked: the shipper's threads have stayed behind, and its locks are as they were at that moment."""
    recorder.sink = None


def _tick(station: Station) -> None:
    time.sleep(_TICK_S)
    station.tick()


def _join(station: Station, sender: Sender) -> None:
    """Returns once it is registered. That comes last, on the very thread that then asks for events: if nobody asked, the
    platform would wait, and the function hang."""
    extension, telemetry = Extension(os.environ["AWS_LAMBDA_RUNTIME_API"]), listen_to_telemetry()
    Ears(station, telemetry, None).start()
    has_tried, refusals = threading.Event(), list[Exception]()

    def serve() -> None:
        try:
            extension.register(NAME, ["INVOKE"])
        except Exception as error:  # noqa: BLE001 - raised below, where it is waited for
            extension.close()
            refusals.append(error)
            return
        finally:
            has_tried.set()
        has_telemetry = bool(recorder.contained(extension.subscribe, telemetry.getsockname()[1]))
        cycle = Cycle(station, sender, has_telemetry, is_internal=True)
        while True:
            recorder.contained(cycle.invoke, extension.next())

    threading.Thread(target=recorder.contained, args=(serve,), name="coldlight-shipper", daemon=True).start()
    has_tried.wait()
    if refusals:
        raise refusals[0]
