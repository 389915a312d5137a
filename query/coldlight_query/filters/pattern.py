r"""A first look at regular expressions, before ClickHouse compiles them with RE2.

Only what RE2 surely refuses is refused here, so that a mistake is shown at its place. The rest is for the
engine to say: ClickHouse answers CANNOT_COMPILE_REGEXP (427) to what slips through.
"""

import re

from coldlight_query.filters.errors import FilterError

_PIECE = re.compile(
    r"""
    (?P<quoted>         \\Q .*? (?: \\E | \Z )                                           )
  | (?P<backreference>  \\ (?: [1-7](?![0-7]) | [89gk] )                                 )
  | (?P<trailing>       \\ \Z                                                            )
  | (?P<escape>         \\ .                                                             )
  | (?P<set>            \[ \^? \]? (?: \[: \^? \w+ :\] | \\ . | [^]\\] )* \]             )
  | (?P<open_set>       \[                                                               )
  | (?P<orphan>         (?: \A | \| ) [*+?] | \( [*+]                                    )
  | (?P<look_around>    \( \? <? [=!]                                                    )
  | (?P<open>           \(                                                               )
  | (?P<close>          \)                                                               )
    """,
    re.VERBOSE | re.DOTALL,
)
_FAULTS = {
    "backreference": "RE2 has no back-references; write the text out",
    "trailing": "it ends in a lone backslash; double it to match one",
    "open_set": "a [ is not closed; escape it to match a bracket",
    "orphan": "*, + or ? has nothing to repeat; escape it to match the character",
    "look_around": "RE2 has no look-ahead or look-behind; combine two conditions with `and` and `not`",
}


def check_pattern(pattern: str) -> None:
    """Raise `FilterError` for a pattern that RE2 will refuse (github.com/google/re2/wiki/Syntax)."""
    depth = 0
    for piece in _PIECE.finditer(pattern):
        kind = piece.lastgroup or ""
        if kind in _FAULTS:
            raise _fault(_FAULTS[kind])
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            raise _fault("a ) closes nothing; escape it to match a parenthesis")
    if depth > 0:
        raise _fault("a ( is not closed; escape it to match a parenthesis")


def _fault(reason: str) -> FilterError:
    return FilterError(f"this regular expression does not compile: {reason}")
