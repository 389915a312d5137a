"""What a failed call to ClickHouse means to the caller."""

import re

from clickhouse_connect.driver.exceptions import Error, ProgrammingError

from coldlight_storage.store import BadPattern, QueryTooLarge, QueryTooLong, StoreError, StoreUnavailable

# Codes of ClickHouse's ErrorCodes.cpp.
_CANNOT_COMPILE_REGEXP = 427
_TOO_LONG = {159, 160}  # TIMEOUT_EXCEEDED, TOO_SLOW
_TOO_LARGE = {
    241,
    307,
    158,
    396,
}  # MEMORY_LIMIT_EXCEEDED, TOO_MANY_BYTES, TOO_MANY_ROWS, TOO_MANY_ROWS_OR_BYTES
_NOT_NOW = {
    3,  # UNEXPECTED_END_OF_FILE: the body was cut off
    74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
    76,  # CANNOT_OPEN_FILE
    81,  # UNKNOWN_DATABASE: being created, or restored
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    236,  # ABORTED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    319,  # UNKNOWN_STATUS_OF_INSERT
    373,  # SESSION_IS_LOCKED
    394,  # QUERY_WAS_CANCELLED
    425,  # SYSTEM_ERROR
    499,  # S3_ERROR
    516,  # AUTHENTICATION_FAILED: a password being changed
    999,  # KEEPER_EXCEPTION
}
_NOT_NOW_INSERTING = _TOO_LONG | _TOO_LARGE | {164}  # READONLY: for maintenance, perhaps

_LONGEST_TEXT = 600
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")
_PATTERN_FAULT = re.compile(r", error: (?P<reason>.*?)\. Look at https", re.DOTALL)


def meaning(error: Error, inserting: bool = False) -> StoreError:
    """The store's own exception for a driver's.

    An insert that ran out of time or memory may succeed later, so it counts as unavailable. What has no code does
    not come from ClickHouse but from what is between: the network, a proxy.
    """
    kind, text = _kind(error, inserting), _short(str(error))
    if kind is BadPattern:
        text = _pattern_fault(str(error))
    return kind(text, error.code, summary(error))


def _kind(error: Error, inserting: bool) -> type[StoreError]:
    code = error.code
    not_now = _NOT_NOW | _NOT_NOW_INSERTING if inserting else _NOT_NOW
    if code in not_now or (code is None and not isinstance(error, ProgrammingError)):
        return StoreUnavailable
    if code in _TOO_LONG:
        return QueryTooLong
    if code in _TOO_LARGE:
        return QueryTooLarge
    return BadPattern if code == _CANNOT_COMPILE_REGEXP else StoreError


def summary(error: Error) -> str:
    """What happened, without anything that a sender sent or a person asked for."""
    if error.code is not None:
        # Behind everything that it quotes, ClickHouse names the error.
        name = _NAME.findall(str(error))[-1:]
        return " ".join([f"ClickHouse error {error.code}", *name])
    cause: BaseException = error
    while following := cause.__cause__ or cause.__context__:
        cause = following
    return str(cause) if isinstance(cause, OSError) and cause.errno else type(cause).__name__


def _pattern_fault(text: str) -> str:
    found = _PATTERN_FAULT.search(text)
    return found["reason"] if found else "RE2 refuses it"


def _short(text: str) -> str:
    """ClickHouse repeats whole statements in its errors; the first and the last words say what is wrong."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[: _LONGEST_TEXT // 2]} ... {text[-_LONGEST_TEXT // 2 :]}"
