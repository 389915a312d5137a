"""`coldlight` with a fault or a bug in it, in a process that has everything imported already."""

import faulthandler
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import coldlight_cli.services
from coldlight_cli.main import main
from coldlight_collector import inserter
from soak import power
from soak.faults import BUGS, FAILING_SYNC, arrange
from soak.power import Disk

assert coldlight_cli.services  # imported by the command otherwise, each time
_FORGET_EVERY_S = 0.5
"""A life lasts seconds; what Coldlight does every few seconds shall happen in it."""


@dataclass(frozen=True)
class Life:
    """How Coldlight is started, and what it will suffer: see `faults.arrange`."""

    arguments: list[str]
    log: Path
    disk: Disk
    fault: str
    passes: int
    bug: str


def live(life: Life) -> None:
    """Ends when the process does."""
    log = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable()  # for one that hangs, and is aborted
    inserter._FORGET_EVERY_S = _FORGET_EVERY_S
    power.record(life.disk, random.Random(life.passes), fails=life.fault == FAILING_SYNC)
    if life.bug:
        BUGS[life.bug]()
    arrange(life.fault, life.passes, life.disk)
    sys.argv = ["coldlight", *life.arguments]
    main()
