"""What a person sees: answers on standard output, errors on standard error."""

from typing import NoReturn

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """Ends the command with one line that says what to do."""
    errors.print(f"[red]error[/red] {message}", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
