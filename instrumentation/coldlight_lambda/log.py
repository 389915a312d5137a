"""What the layer has to say in the function's log."""

from __future__ import annotations

import sys


def tell(what: str) -> None:
    """One line, where that can be written: the function may have closed its standard error, or have set something else there."""
    try:
        print(f"coldlight: {what}", file=sys.stderr)
    except Exception:  # noqa: BLE001 - there is nobody to tell
        return
