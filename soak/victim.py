"""`coldlight` with a fault or a bug in it: `python -m soak.victim up ...`."""

import os

from coldlight_cli.main import main
from soak.faults import BUG, BUGS, FAULT, PASSES, arrange

if bug := os.environ.get(BUG):
    BUGS[bug]()
arrange(os.environ.get(FAULT, ""), int(os.environ.get(PASSES, "1")))
main()
