"""Where the `coldlight` command begins: imports next to nothing, for a stop may come at any moment.

The imports of a service take a second. Until it looks at signals itself, SIGINT and SIGTERM end it here, as they do later:
with exit status 0.
"""

import signal
import sys

_SERVICES = {"up", "collector", "query"}


def main() -> None:
    """Entry point of the `coldlight` command."""
    if sys.argv[1:] and sys.argv[1] in _SERVICES:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    from coldlight_cli.main import main as run

    run()


def _stop(*_: object) -> None:
    sys.exit(0)
