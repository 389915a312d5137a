"""Logs: JSON lines for programs, text for people, and never a payload in them.

Exceptions are told by their type and place alone: their texts quote what was sent. Whoever logs passes numbers, names of
files and `StoreError.summary`; nothing that a sender chose.
"""

import logging
import sys
from collections.abc import Iterator
from traceback import FrameSummary, extract_tb
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

Format = Literal["auto", "json", "text"]


def configure(level: str, form: Format, stream: TextIO | None = None) -> None:
    """Sends all logs of the process to `stream`, else to standard error: as text if `form` says so, or if it is a
    terminal and `form` is "auto"."""
    stream = stream or sys.stderr
    as_text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _tell_exception,
                *_renderers(as_text, stream.isatty()),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # The driver and its HTTP client warn of every failed connection before they raise, and we tell of those
    # ourselves; in detail they tell of every statement, and grpc of every message.
    for library in ("clickhouse_connect", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)
    for library in ("asyncio", "grpc", "httpcore", "httpx", "opentelemetry"):
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLogger().level))


def _renderers(as_text: bool, has_colors: bool) -> Iterator[Processor]:
    if as_text:
        yield structlog.dev.ConsoleRenderer(colors=has_colors)
    else:
        yield structlog.processors.EventRenamer("message")
        yield structlog.processors.JSONRenderer()


def _tell_exception(_: object, __: str, event: EventDict) -> EventDict:
    """In place of an exception, its type and the way to it, as `file:line function`; of what caused it, too."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        error = sys.exc_info()[1] if given else None
    if error is not None:
        chain = list(_causes(error))
        event["exception.type"] = " <- ".join(
            f"{type(one).__module__}.{type(one).__qualname__}" for one in chain
        )
        event["exception.stacktrace"] = [_place(frame) for frame in extract_tb(error.__traceback__)]
    return event


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _place(frame: FrameSummary) -> str:
    return f"{frame.filename}:{frame.lineno} {frame.name}"
