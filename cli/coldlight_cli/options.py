"""Settings as options of a command: names, help and defaults come from `Settings`, never from the command."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from coldlight_cli.settings import CONFIG, Setting, Settings, SettingsError, load, setting

R = TypeVar("R")


def with_settings(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a Typer command `--config` and the named settings as options, and `Settings` as first argument.

        @app.command()
        @with_settings("clickhouse", "query_port")
        def query(settings: Settings, open_browser: bool = False) -> None: ...

    The command gets every setting, also those without an option here: one TOML file serves all commands.
    A wrong setting ends the command with exit status 2 before it runs. Raises KeyError for an unknown name.
    """
    rows = [CONFIG, *map(setting, names)]

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @wraps(command)
        def run(context: typer.Context, **arguments: Any) -> R:
            flags = {name: arguments.pop(name) for name in ("config", *names)}
            return command(_settings(context, flags), **arguments)

        _set_signature(run, _parameters(command, rows))
        return run

    return decorate


def _settings(context: typer.Context, options: dict[str, str]) -> Settings:
    """Only what stands on the command line is a flag; `load` finds the rest, and names it in errors."""
    flags: dict[str, Any] = {name: text for name, text in options.items() if _is_typed(context, name)}
    config = flags.pop("config", None)
    try:
        return load(flags, Path(config) if config else None)
    except SettingsError as error:
        # Not as a usage error: Typer would wrap the lines into a box, and the fix could not be copied.
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _parameters(command: Callable[..., object], rows: list[Setting]) -> list[inspect.Parameter]:
    """The context, the command's own parameters without the first, and an option for each row."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    return [context, *own, *map(_option, rows)]


def _option(row: Setting) -> inspect.Parameter:
    """A text option: `Settings` checks the value, whichever source it comes from."""
    shown = typer.Option(row.flag, envvar=row.variable, metavar=row.metavar, help=row.description)
    name = row.flag.removeprefix("--").replace("-", "_")
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=row.default, annotation=Annotated[str | None, shown]
    )


def _set_signature(function: Callable[..., object], parameters: list[inspect.Parameter]) -> None:
    """Typer reads both the signature and the annotations."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
