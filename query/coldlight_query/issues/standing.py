"""How an issue stands: what somebody said of it, and what has happened since."""

from enum import StrEnum

from coldlight_storage.state.issues import Judged, Verdict


class Standing(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    REGRESSED = "regressed"
    """It was resolved, and has been seen again since."""
    MUTED = "muted"


def standing_of(judged: Judged | None, last_seen_ns: int, now_ns: int) -> Standing:
    """Of an issue that was last seen then."""
    if judged is None:
        return Standing.OPEN
    if judged.verdict is Verdict.MUTED:
        return Standing.MUTED if judged.until_ns is None or now_ns < judged.until_ns else Standing.OPEN
    return Standing.REGRESSED if last_seen_ns > judged.at_ns else Standing.RESOLVED
