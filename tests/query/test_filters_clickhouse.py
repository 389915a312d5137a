"""What a filter finds: a real ClickHouse answers as the language promises."""

import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldlight_query.filters import (
    And,
    Attribute,
    Comparison,
    Duration,
    Exists,
    Expression,
    Field,
    FilterError,
    Instant,
    Not,
    Operator,
    Or,
    Root,
    Scope,
    Value,
    compile_filter,
    parse_filter,
)

URLS = ["", *filter(None, [os.environ.get("COLDLIGHT_TEST_CLICKHOUSE_URL")])]


@dataclass(frozen=True)
class Span:
    """A stored span: fields named as in the language, in the order of the columns in filter_engine.py."""

    service: str = ""
    name: str = ""
    kind: str = "unspecified"
    status: str = "unset"
    status_message: str = ""
    duration: int = 0
    trace_id: str = "0" * 32
    span_id: str = "0" * 16
    parent_span_id: str = ""
    start_time: int = 0
    scope_name: str = ""
    scope_version: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    resource: Mapping[str, str] = field(default_factory=dict)
    scope: Mapping[str, str] = field(default_factory=dict)
    event: tuple[Mapping[str, str], ...] = ()
    link: tuple[Mapping[str, str], ...] = ()

    def row(self, number: int) -> list[object]:
        stored = vars(self) | {"kind": self.kind.capitalize(), "status": self.status.capitalize()}
        return [*stored.values(), number]

    def maps(self, scope: Scope) -> list[Mapping[str, str]]:
        """The attribute maps that a scope looks into."""
        if scope is Scope.ANY:
            return [self.attributes, self.resource, self.scope, *self.event, *self.link]
        found = getattr(self, scope)
        return list(found) if isinstance(found, tuple) else [found]


@dataclass(frozen=True)
class Engine:
    """A ClickHouse in a child process (filter_engine.py)."""

    process: "subprocess.Popen[str]"

    def ask(self, **command: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(command), file=self.process.stdin, flush=True)
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def query(self, sql: str, parameters: Mapping[str, object]) -> list[list[Any]]:
        reply = self.ask(query=sql, parameters=parameters)
        assert "error" not in reply, reply
        rows: list[list[Any]] = reply["answer"]
        return rows

    def found(self, expression: Expression, spans: Sequence[Span]) -> list[bool]:
        """For each span whether the filter finds it. Fails for a condition that is anything but 0 or 1."""
        rows = [span.row(number) for number, span in enumerate(spans)]
        assert "error" not in self.ask(store=rows)
        span = compile_filter(expression).row
        sql = f"SELECT {span.sql} AS found, toTypeName(found) FROM otel_traces ORDER BY Number"
        answers = self.query(sql, span.parameters)
        assert all(value in (0, 1) and "Nullable" not in kind for value, kind in answers)
        return [value == 1 for value, _ in answers]


@pytest.fixture(scope="module", params=URLS, ids=lambda url: "server" if url else "embedded")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    script = Path(__file__).with_name("filter_engine.py")
    with subprocess.Popen(
        [sys.executable, str(script), request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Engine(process)


def finds(engine: Engine, text: str, *spans: Span) -> list[bool]:
    return engine.found(parse_filter(text), spans)


def with_text(*values: str) -> list[Span]:
    return [Span(attributes={"k": value}) for value in values]


def test_a_number_compares_with_every_text_that_is_a_number(engine: Engine) -> None:
    spans = with_text("500", "500.0", "5e2", "499.5", "0500", "+500", "500 ", "0x1f4", "five", "", "true")
    assert finds(engine, 'attributes["k"] >= 500', *spans) == [True] * 3 + [False] + [True] * 2 + [False] * 5
    assert finds(engine, 'attributes["k"] < 500.0', *spans) == [False] * 3 + [True] + [False] * 7


def test_integers_compare_exactly_beyond_float64(engine: Engine) -> None:
    spans = with_text("9007199254740992", "9007199254740993", "9007199254740994")
    assert finds(engine, 'attributes["k"] = 9007199254740993', *spans) == [False, True, False]
    assert finds(engine, 'attributes["k"] > 9007199254740992', *spans) == [False, True, True]
    assert finds(engine, 'attributes["k"] = 9007199254740992.0', *spans) == [True, False, False]


def test_infinity_compares_and_nan_does_not(engine: Engine) -> None:
    spans = with_text("inf", "-Infinity", "nan")
    assert finds(engine, 'attributes["k"] > 0', *spans) == [True, False, False]
    assert finds(engine, 'attributes["k"] != 0', *spans) == [True, True, False]


def test_text_and_true_compare_as_text(engine: Engine) -> None:
    spans = with_text("true", "True", "1", "01")
    assert finds(engine, 'attributes["k"] = true', *spans) == [True, False, False, False]
    assert finds(engine, 'attributes["k"] != false', *spans) == [True] * 4
    assert finds(engine, 'attributes["k"] = "1"', *spans) == [False, False, True, False]
    assert finds(engine, 'attributes["k"] in (1, "true")', *spans) == [True, False, True, True]


def test_a_missing_attribute_satisfies_no_comparison(engine: Engine) -> None:
    spans = [Span(), Span(attributes={"k": ""}), Span(attributes={"k": "v"})]
    assert finds(engine, 'attributes["k"] = ""', *spans) == [False, True, False]
    assert finds(engine, 'attributes["k"] != "v"', *spans) == [False, True, False]
    assert finds(engine, 'attributes["k"] !~ "v"', *spans) == [False, True, False]
    assert finds(engine, 'not attributes["k"] = "v"', *spans) == [True, True, False]
    assert finds(engine, 'exists attributes["k"]', *spans) == [False, True, True]


def test_one_event_or_link_is_enough(engine: Engine) -> None:
    two_events = Span(event=({"exception.type": "KeyError"}, {"retry": "2"}))
    linked = Span(link=({"retry": "1"},))
    spans = [two_events, linked, Span()]
    assert finds(engine, 'event["retry"] > 1', *spans) == [True, False, False]
    assert finds(engine, 'event["retry"] != 2', *spans) == [False] * 3
    assert finds(engine, 'link["retry"] = 1', *spans) == [False, True, False]
    assert finds(engine, 'exists any["retry"]', *spans) == [True, True, False]


def test_a_dot_matches_a_new_line_and_matching_is_anywhere(engine: Engine) -> None:
    spans = [Span(name="GET /a\n/b"), Span(name="get /b")]
    assert finds(engine, 'name ~ "a.*b"', *spans) == [True, False]
    assert finds(engine, 'name ~ "(?i)^get"', *spans) == [True, True]
    assert finds(engine, 'name contains "/b"', *spans) == [True, True]


def test_start_times_compare_to_the_nanosecond(engine: Engine) -> None:
    spans = [Span(start_time=1_772_366_400_000_000_000 + late) for late in (0, 1, 2)]
    assert finds(engine, 'start_time > "2026-03-01T13:00:00.000000001+01:00"', *spans) == [False, False, True]


def test_trace_duration_is_the_time_from_start_to_end(engine: Engine) -> None:
    trace = compile_filter(parse_filter("trace_duration > 1s and trace_duration <= 1.5s")).trace
    assert trace is not None
    index = (
        "SELECT fromUnixTimestamp64Nano(5) AS Start, arrayJoin([1000000005, 1500000005, 1500000006]) AS Nano"
    )
    sql = f"SELECT {trace.sql} FROM (SELECT Start, fromUnixTimestamp64Nano(Nano) AS End FROM ({index}) ORDER BY Nano)"
    assert engine.query(sql, trace.parameters) == [[0], [1], [0]]


def test_the_largest_filter_runs(engine: Engine) -> None:
    text = " or ".join(f'any["{number:02}"]!=-1.5' for number in range(100))
    assert finds(engine, text, Span(link=({"99": "0"},)), Span()) == [True, False]


# --- any filter, any text ----------------------------------------------------------------------------------------

HOSTILE = (
    r"""' " ` \ \\ \' \N \\N \0 NULL {f0:String} {x:String} %s %(f0)s $$ $f0$ \x41 -- /* ; ) é 😀"""
    " \0 a\0b \x7f \x1b \ufeff e\u0301 \u2028"
)
NUMERIC = (
    "0 -0 007 +5 1. .5 -.5 1e5 1E+5 1e 1e400 -1e-400 inf -Infinity NaN 1_0 0x1 --1 +-1 1e5.5 true false \u0661"
    " 9007199254740993 9007199254740993.0 9223372036854775807 9223372036854775808 -9223372036854775809"
)
NUMBERS: st.SearchStrategy[int | float] = st.one_of(
    st.sampled_from(
        [0, 5, 10, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0.5, 1e5, 2.0**53, 2.0**63, -0.0, 5e-324]
    ),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
NUMBER_TEXTS = (
    st.sampled_from([*NUMERIC.split(), " 1", "1 ", "1" * 400])
    | st.text("0123456789+-.eE", max_size=6)
    | NUMBERS.map(repr)
)
TEXTS = st.sampled_from(["", " ", "\t", "\n", "\r\n", "' OR 1=1 --", *HOSTILE.split(" ")]) | st.text(
    max_size=6
)
PATTERNS = ["", "a", "^a", "a.b", "[0-9]+", r"\.", "(?i)A", "a|b", r"\\"]
TEXT_FIELDS = [Field.SERVICE, Field.NAME, Field.STATUS_MESSAGE, Field.SCOPE_NAME, Field.SCOPE_VERSION]
WORDS = {
    Field.KIND: ["server", "client", "internal", "producer", "consumer", "unspecified"],
    Field.STATUS: ["ok", "error", "unset"],
    Field.SPAN_ID: ["0" * 16, "0123456789abcdef"],
    Field.PARENT_SPAN_ID: ["0" * 16, "0123456789abcdef"],
    Field.TRACE_ID: ["0" * 32, "0123456789abcdef" * 2],
}
PATTERN = [Operator.MATCHES, Operator.MATCHES_NOT]
EQUALITY = [Operator.EQUAL, Operator.UNEQUAL]
ORDER = [sign for sign in Operator if sign not in (*PATTERN, Operator.CONTAINS)]
SMALL = st.integers(0, 3)


def spans(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Span]:
    maps = st.dictionaries(texts, texts | st.sampled_from(["true", "false"]), max_size=3)
    arrays = st.lists(maps, max_size=2).map(tuple)
    words = {str(name): st.sampled_from(words) for name, words in WORDS.items()}
    fields = {str(name): texts for name in TEXT_FIELDS} | words
    fields["parent_span_id"] |= st.just("")
    return st.builds(
        Span,
        **fields,
        **dict.fromkeys(["duration", "start_time"], SMALL),
        **dict.fromkeys(["attributes", "resource", "scope"], maps),
        **dict.fromkeys(["event", "link"], arrays),
    )


def conditions(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Expression]:
    one = st.sampled_from
    attributes = st.builds(Attribute, one(Scope), texts)
    subjects = one(TEXT_FIELDS) | attributes
    comparisons: list[
        tuple[st.SearchStrategy[Field | Attribute], list[Operator], st.SearchStrategy[Value]]
    ] = [
        (subjects, [*ORDER, Operator.CONTAINS], texts),
        (subjects, PATTERN, one(PATTERNS)),
        (attributes, EQUALITY, st.booleans()),
        (attributes, ORDER, NUMBERS),
        (st.just(Field.DURATION), ORDER, SMALL.map(Duration)),
        (st.just(Field.START_TIME), ORDER, SMALL.map(Instant)),
        *((st.just(name), EQUALITY, one(words)) for name, words in WORDS.items()),
    ]
    return st.one_of(
        st.just(Root()),
        st.builds(Exists, attributes),
        *(st.builds(Comparison, subject, one(signs), value) for subject, signs, value in comparisons),
    )


def joined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, parts) | st.builds(And, several) | st.builds(Or, several)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Expression, list[Span]]:
    """A filter and stored spans, of so few different texts that they meet."""
    texts = st.sampled_from(draw(st.lists(TEXTS | NUMBER_TEXTS, min_size=1, max_size=4)))
    filters = st.recursive(conditions(texts), joined, max_leaves=6)
    return draw(filters), draw(st.lists(spans(texts), min_size=1, max_size=5))


@given(situations())
@settings(deadline=None, max_examples=100)
def test_every_filter_finds_what_it_says(engine: Engine, situation: tuple[Expression, list[Span]]) -> None:
    expression, stored = situation
    assert parse_filter(written(expression)) == expression
    assert engine.found(expression, stored) == [holds(expression, span) for span in stored]


@given(st.sampled_from(ORDER), NUMBERS, st.lists(NUMBER_TEXTS, min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
def test_numbers_compare_as_in_mathematics(
    engine: Engine, sign: Operator, number: float, texts: list[str]
) -> None:
    expression = Comparison(Attribute(Scope.OWN, "k"), sign, number)
    assert engine.found(expression, with_text(*texts)) == [number_holds(sign, text, number) for text in texts]


@given(st.text("ab\\[](|)*+?{1,}^$.:=!<PQE", max_size=8))
@settings(deadline=None, max_examples=100)
def test_a_regular_expression_is_refused_only_if_the_engine_refuses_it(engine: Engine, pattern: str) -> None:
    try:
        Comparison(Field.NAME, Operator.MATCHES, pattern)
    except FilterError:
        sql = "SELECT match('a', '[ab]|' || {pattern:String})"
        reply = engine.ask(query=sql, parameters={"pattern": pattern})
        assert "CANNOT_COMPILE_REGEXP" in reply["error"]


# The language, once more, in Python.

COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.CONTAINS: operator.contains,
}


def holds(expression: Expression, span: Span) -> bool:
    match expression:
        case And(parts):
            return all(holds(part, span) for part in parts)
        case Or(parts):
            return any(holds(part, span) for part in parts)
        case Not(part):
            return not holds(part, span)
        case Root():
            return span.parent_span_id == ""
        case Exists(attribute):
            return any(attribute.key in entry for entry in span.maps(attribute.scope))
        case Comparison(Attribute(scope, key), sign, value):
            texts = [entry[key] for entry in span.maps(scope) if key in entry]
            return any(text_holds(sign, text, value) for text in texts)
        case Comparison(name, sign, Duration(number) | Instant(number)):
            return COMPARE[sign](getattr(span, str(name)), number)
        case Comparison(name, sign, value):
            return text_holds(sign, getattr(span, str(name)), value)


def text_holds(sign: Operator, text: str, value: Value) -> bool:
    match value:
        case bool():
            return text_holds(sign, text, "true" if value else "false")
        case int() | float():
            return number_holds(sign, text, value)
    if sign in PATTERN:
        return bool(re.search(str(value), text, re.DOTALL)) is (sign is Operator.MATCHES)
    return COMPARE[sign](text.encode(), str(value).encode())


def number_holds(sign: Operator, text: str, number: float) -> bool:
    if re.fullmatch("[+-]?[0-9]+", text) and abs(int(text)) < 2**63:
        return COMPARE[sign](int(text), number)
    is_number = re.fullmatch(
        r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)", text, re.IGNORECASE | re.ASCII
    )
    return is_number is not None and COMPARE[sign](float(text), number)


def written(expression: Expression) -> str:
    match expression:
        case And(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({written(part)})" for part in parts)
        case Not(part):
            return f"not ({written(part)})"
        case Root():
            return "root"
        case Exists(attribute):
            return f"exists {attribute.scope}[{quoted(attribute.key)}]"
        case Comparison(Attribute(scope, key), sign, value):
            return f"{scope}[{quoted(key)}] {sign} {written_value(value)}"
        case Comparison(name, sign, value):
            return f"{name} {sign} {written_value(value)}"


def written_value(value: Value) -> str:
    match value:
        case str():
            return quoted(value)
        case Duration(ns):
            return f"{ns}ns"
        case Instant(unix_nano):
            return f'"1970-01-01T00:00:00.{unix_nano:09}Z"'
    return str(value).lower()


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
