"""Which link keys and links of a batch belong to the same record.

A span says them in one list: the first key of every record, then whatever else the records carry (the notification or
event inside of a message), record by record. A link belongs to the message whose id it has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coldlight_query.transactions.spans import Span, kind_of


@dataclass(frozen=True)
class Record:
    """What a span has of one record. One that `stands_alone` may belong to any record of the batch: nothing tells."""

    entries: frozenset[str]
    stands_alone: bool = False


def records_of(span: Span, narrower: Iterable[frozenset[str]] = ()) -> list[Record]:
    """The records that a span carried. `narrower` are the entries of spans below that carry some of them."""
    keys = [key for key in dict.fromkeys(span.consumed) if key != span.own_key]
    links = list(dict.fromkeys(link.key for link in span.links))
    if not keys:
        return [Record(frozenset({link})) for link in links]
    firsts, inner = _split(keys)
    if len(firsts) == 1:
        return [Record(span.entries)]
    told, left = _told_by_links(span, firsts)
    groups, loose = _placed(firsts, inner, narrower)
    records = [Record(frozenset(group) | told.get(first, frozenset())) for first, group in groups.items()]
    return [
        *records,
        *(Record(frozenset({key}), stands_alone=True) for key in loose),
        *(Record(frozenset({link})) for link in left),
    ]


def _split(keys: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """First keys, each with its other spellings, and the keys of what was inside of the records."""
    kind = kind_of(keys[0])
    firsts: dict[str, list[str]] = {}
    by_identity: dict[str, str] = {}
    for key in keys:
        if kind_of(key) == kind:
            first = by_identity.setdefault(_identity(key), key)
            firsts.setdefault(first, []).append(key)
    return firsts, [key for key in keys if kind_of(key) != kind]


def _identity(key: str) -> str:
    """A Kafka cluster has two names; what identifies a record within one batch is its topic, partition and offset."""
    return ":".join(key.split(":")[-3:]) if key.startswith("kafka:") else key


def _message(first: str) -> str:
    """What a link says of the message of a key: its id, of streams the place of the record."""
    match kind_of(first):
        case "kafka":
            return ":".join(first.split(":")[-2:])
        case "kinesis":
            return first.rpartition(":")[2]
        case _:
            return first.partition(":")[2]


def _told_by_links(span: Span, firsts: dict[str, list[str]]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """By first key the links that name its message, and the links that name none of them."""
    by_message = {_message(first): first for first in firsts}
    told: dict[str, set[str]] = {}
    left: list[str] = []
    for link in span.links:
        if first := by_message.get(link.message_id):
            told.setdefault(first, set()).add(link.key)
        else:
            left.append(link.key)
    return {first: frozenset(links) for first, links in told.items()}, list(dict.fromkeys(left))


def _placed(
    firsts: dict[str, list[str]], inner: list[str], narrower: Iterable[frozenset[str]]
) -> tuple[dict[str, set[str]], list[str]]:
    """Each inner key with its record, and those of which nothing tells the record."""
    first_of = {spelling: first for first, spellings in firsts.items() for spelling in spellings}
    told: dict[str, str] = {}
    for entries in narrower if inner else ():
        found = {first_of[entry] for entry in entries if entry in first_of}
        if len(found) == 1:
            told.update(dict.fromkeys(entries & set(inner), found.pop()))
    listed = dict(zip(firsts, _equal_slices(inner, len(firsts)), strict=False))
    by_place = {key: first for first, part in listed.items() for key in part}
    if all(by_place.get(key) == first for key, first in told.items()):
        told |= by_place
    groups = {first: set(spellings) for first, spellings in firsts.items()}
    for key, first in told.items():
        groups[first].add(key)
    return groups, [key for key in inner if key not in told]


def _equal_slices(inner: list[str], count: int) -> list[list[str]]:
    """As many slices as there are records, if all are of the same kinds of keys; otherwise none."""
    size, rest = divmod(len(inner), count)
    slices = [inner[start : start + size] for start in range(0, len(inner), size)] if size else []
    return [] if rest or len({tuple(map(kind_of, part)) for part in slices}) > 1 else slices
