"""Full-text search: words as ClickHouse's text index of `otel_logs` knows them."""

import re

from coldlight_query.filters import Condition
from coldlight_query.problems import bad_parameter

_MOST_WORDS = 64
_PART = re.compile(r'"([^"]*)"|([^"\s]+)|"')
# The index's tokenizer, splitByNonAlpha, parts at every ASCII character that is neither letter nor digit, and at no other.
_WORD = re.compile("[0-9a-z\u0080-\U0010ffff]+")


def words_condition(text: str) -> Condition:
    """That all words of `text` are in a record's body, in any order, and each `"quoted phrase"` as it stands.

    Capital letters are small ones, in ASCII. Raises `ProblemError` for an open quote, and for more than 64 words.
    """
    phrases = [phrase for phrase, _ in _parts(text) if phrase]
    words = sorted({word for parts in _parts(text) for part in parts for word in _WORD.findall(part)})
    if len(words) > _MOST_WORDS:
        raise bad_parameter("query", f"has {len(words)} words; at most {_MOST_WORDS} are searched at once")
    conditions = ["hasAllTokens(lower(Body), {words:Array(String)})"] if words else []
    conditions += [f"position(lower(Body), {{phrase{at}:String}}) > 0" for at in range(len(phrases))]
    bound = {f"phrase{at}": phrase for at, phrase in enumerate(phrases)}
    return Condition(f"({' AND '.join(conditions) or '1'})", {"words": words, **bound} if words else bound)


def _parts(text: str) -> list[tuple[str, str]]:
    """(phrase, bare word) of each part, one of the two empty."""
    found = list(_PART.finditer(_lowered(text)))
    if any(part[0] == '"' for part in found):
        raise bad_parameter("query", 'a phrase begins with " and does not end; close it with "')
    return [(part[1] or "", part[2] or "") for part in found]


def request_condition(request_id: str) -> Condition:
    """That a record is of an invocation: it says so, or its text has the request id, as lines of Lambda's own format do."""
    words = _WORD.findall(_lowered(request_id))
    in_text = "hasAllTokens(lower(Body), {request_words:Array(String)}) AND position(lower(Body), {request_text:String}) > 0"
    bound = {"request_id": request_id, "request_words": words, "request_text": _lowered(request_id)}
    return Condition(f"(RequestId = {{request_id:String}}{f' OR ({in_text})' if words else ''})", bound)


def _lowered(text: str) -> str:
    """As ClickHouse's lower() does it, which leaves all but ASCII."""
    return text.encode(errors="replace").lower().decode()
