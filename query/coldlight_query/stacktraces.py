"""The frames in the text of a stack trace, as Python, JavaScript and Java write it (`exception.stacktrace`)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PYTHON = re.compile(
    r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>[^\n]+)(?:\n[ \t]{4,}(?P<code>(?!File ")[^\n]+))?',
    re.MULTILINE,
)
_PYTHON_HEAD = "Traceback (most recent call last):"
_OTHERS = re.compile(
    r"^\s*at (?:async )?(?:(?P<function>[^\s(][^(\n]*?) ?\()?(?P<file>[^()\s][^()\n]*?):(?P<line>\d+)(?::\d+)?\)?\s*$",
    re.MULTILINE,
)
_FOREIGN = (
    "site-packages/",
    "dist-packages/",
    "/var/runtime/",
    "/var/lang/",
    "/opt/",
    "node_modules/",
    "node:",
    "<frozen ",
)
MOST_FRAMES = 50


@dataclass(frozen=True)
class Frame:
    """`is_in_app` is false for libraries, the runtime and layers."""

    function: str
    file: str
    line: int
    code: str = ""

    @property
    def is_in_app(self) -> bool:
        return not any(part in self.file for part in _FOREIGN)


def frames_of(stacktrace: str) -> list[Frame]:
    """Where it was raised first; none for a text of another form. Of several exceptions that led to each other, the last."""
    if _PYTHON_HEAD in stacktrace:
        last = stacktrace.rpartition(_PYTHON_HEAD)[2]
        return list(_read(_PYTHON, last))[::-1][:MOST_FRAMES]
    return list(_read(_OTHERS, stacktrace))[:MOST_FRAMES]


def _read(pattern: re.Pattern[str], text: str) -> Iterator[Frame]:
    for found in pattern.finditer(text):
        parts = found.groupdict(default="")
        yield Frame(
            parts["function"].strip(), parts["file"], int(parts["line"]), parts.get("code", "").strip()
        )
