"""What somebody may hold in hand: a trace id, a span, a request id, a message id or any link key; and where to begin with it."""

import re
from collections.abc import Iterator

from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import KeyRow, Ref
from coldlight_query.transactions.stitching import Root

_TRACE = re.compile("(?:[0-9a-f]{16}){1,2}")
_XRAY = re.compile("1-([0-9a-f]{8})-([0-9a-f]{24})")
_SPAN = re.compile("([0-9a-f]{32}):([0-9a-f]{16})")
_BARE = ("lambda", "sqs", "sns", "eventbridge", "apigateway", "appsync", "s3req", "firehose")
"""Kinds of link keys whose ids people see in logs and consoles without the kind."""


def seeds(known: Known, identifier: str) -> list[Root]:
    """Where to go back from. Nothing where nothing is known of it (yet)."""
    text = identifier.lower()
    if found := _SPAN.fullmatch(text):
        ref = known.find(found[1], found[2])
        return [Root(ref)] if ref else []
    if found := _XRAY.fullmatch(text):
        text = found[1] + found[2]
    if _TRACE.fullmatch(text) and (heads := _heads(known, text.rjust(32, "0"))):
        return heads
    return list(_holders(known, identifier))


def _heads(known: Known, trace_id: str) -> list[Root]:
    tree = known.tree(trace_id)
    return [Root(ref) for ref in tree.heads] if tree else []


def _holders(known: Known, identifier: str) -> Iterator[Root]:
    keys = [identifier] if ":" in identifier else [f"{kind}:{identifier}" for kind in _BARE]
    for key in keys:
        rows = known.having(key, 0, "produced", "consumed", "invoked")
        yield from (_seed(known, row) for row in _telling(rows))


def _telling(rows: list[KeyRow]) -> list[KeyRow]:
    """Of an id, the invocation that has it; else who sent it; else who received it."""
    for role in ("invoked", "produced", "consumed"):
        if of_role := [row for row in rows if row.role == role]:
            return of_role
    return []


def _seed(known: Known, row: KeyRow) -> Root:
    """Who received a record, is asked about that one alone."""
    tree = known.tree(row.ref.trace_id)
    if row.role != "consumed" or tree is None or row.ref not in tree.spans:
        return Root(row.ref)
    key = frozenset({row.key})
    carrier: Ref = tree.carrier(row.ref, key) if row.key in tree.spans[row.ref].entries else row.ref
    whole = [record.entries for record in known.records(carrier) if row.key in record.entries]
    return Root(carrier, whole[0] if whole else None)
