"""Fuzzes every decoder, or some, and keeps what was found: `python -m fuzz --seconds 60 [TARGET...]`.

An input that breaks a target stays in `.fuzz/<target>/`; run it again with `python -m fuzz.one TARGET FILE`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fuzz.corpus import CORPUS, inputs_of, keep
from fuzz.targets import TARGETS

BROKEN = Path(".fuzz")
_PATIENCE_S = 10
_MEMORY_MB = 2048
_MOST_BYTES = 4096

console = Console()

Seconds = Annotated[int, typer.Option(min=1, help="How long each target is fuzzed.")]
Names = Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(TARGETS)}.")]


def main(targets: Names = None, seconds: Seconds = 60) -> None:
    """Fuzzes every decoder, or some, and keeps what was found."""
    if unknown := set(targets or ()) - set(TARGETS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: there is only {', '.join(TARGETS)}")
    broken = [name for name in targets or TARGETS if not fuzz(name, seconds)]
    if broken:
        console.print(f"broken: {', '.join(broken)}; the inputs are in {BROKEN}/", style="red")
    raise typer.Exit(1 if broken else 0)


def fuzz(name: str, seconds: int) -> bool:
    """Whether a target stood every input. Without that, its corpus stays as it is."""
    (BROKEN / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as found:
        command = [
            sys.executable,
            "-m",
            "fuzz.one",
            name,
            found,
            str(CORPUS / name),
            *_options(name, seconds),
        ]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        runs = next((line for line in done.stderr.splitlines() if line.startswith("Done ")), "broke")
        if done.returncode:
            console.print(
                f"{name}: {runs}\n{done.stdout[-5000:]}{done.stderr[-5000:]}", style="red", markup=False
            )
            return False
        kept = keep(name, [*inputs_of(name), *(file.read_bytes() for file in Path(found).iterdir())])
    console.print(f"{name}: {runs}, {kept} inputs kept")
    return True


def _options(name: str, seconds: int) -> list[str]:
    return [
        f"-max_total_time={seconds}",
        f"-timeout={_PATIENCE_S}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-max_len={_MOST_BYTES}",
        f"-artifact_prefix={BROKEN / name}/",
        "-use_value_profile=1",
    ]


if __name__ == "__main__":
    typer.run(main)
