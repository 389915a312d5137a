"""The names of all handlers, made from their folder: whatever a module there defines, whether or not it is fit to be called."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.instrumentation.lambda_api.functions import HANDLERS


def defined_in(path: Path) -> Iterator[str]:
    """The public names that a module defines, as Lambda's settings name them; of one that can hardly be imported, too."""
    for statement in ast.parse(path.read_text()).body:
        named: list[Any] = getattr(statement, "targets", None) or [getattr(statement, "target", statement)]
        for name in [getattr(each, "name", getattr(each, "id", "_")) for each in named]:
            if not name.startswith("_"):
                module = path.relative_to(HANDLERS).with_suffix("").as_posix().removesuffix("/__init__")
                yield f"{module}.{name}"


EVERY = sorted(name for path in HANDLERS.rglob("*.py") for name in defined_in(path))
