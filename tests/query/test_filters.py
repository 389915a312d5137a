"""The filter language as its users meet it: what can be written, and what a mistake is answered with."""

import re
from pathlib import Path

import pytest
from hypothesis import given
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
    parse_filter,
    read_duration,
)

SERVICE_IS_A = Comparison(Field.SERVICE, Operator.EQUAL, "a")
SERVICE_IS_B = Comparison(Field.SERVICE, Operator.EQUAL, "b")


def error_of(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    return caught.value


def answer_to(text: str) -> Expression | FilterError:
    try:
        return parse_filter(text)
    except FilterError as error:
        return error


def span_attribute(key: str) -> Attribute:
    return Attribute(Scope.OWN, key)


def test_the_example_of_the_guide_is_a_conjunction_of_three() -> None:
    parsed = parse_filter(
        'service = "a" and attributes["http.response.status_code"] >= 500 and duration > 1s'
    )
    assert parsed == And(
        (
            SERVICE_IS_A,
            Comparison(span_attribute("http.response.status_code"), Operator.AT_LEAST, 500),
            Comparison(Field.DURATION, Operator.GREATER, Duration(1_000_000_000)),
        )
    )


def test_and_binds_closer_than_or_and_not_closest() -> None:
    parsed = parse_filter('not service = "a" and root or service = "b"')
    assert parsed == Or((And((Not(SERVICE_IS_A), Root())), SERVICE_IS_B))


def test_parentheses_group() -> None:
    parsed = parse_filter('not (root and (service = "a" or service = "b"))')
    assert parsed == Not(And((Root(), Or((SERVICE_IS_A, SERVICE_IS_B)))))


def test_keywords_and_words_are_read_in_any_case() -> None:
    written = 'NOT Exists attributes["k"] AND kind IN (SERVER, "Client") Or status = Error'
    assert parse_filter(written) == parse_filter(written.lower())


def test_in_is_short_for_several_equalities() -> None:
    assert parse_filter('service in ("a", "b")') == parse_filter('service = "a" or service = "b"')
    assert parse_filter('service in ("a")') == SERVICE_IS_A


def test_an_empty_filter_asks_for_nothing() -> None:
    assert parse_filter("") == parse_filter(" \n") == And(())


def test_a_name_may_begin_with_a_keyword() -> None:
    assert error_of('order = "x"').message.startswith("there is no field order")


@pytest.mark.parametrize("scope", list(Scope))
def test_every_scope_has_attributes(scope: Scope) -> None:
    assert parse_filter(f'exists {scope}["a.b"]') == Exists(Attribute(scope, "a.b"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"it\'s \"so\" \\ \n\r\t\u00e9\ud83d\ude00"', 'it\'s "so" \\ \n\r\té😀'),
        ("'single \" quotes'", 'single " quotes'),
        ('"two\nlines"', "two\nlines"),
        (r'"\u0000"', "\0"),
        ('""', ""),
        ('"{x:String} %s `a` -- /*"', "{x:String} %s `a` -- /*"),
    ],
)
def test_text_is_quoted_and_escaped(written: str, meant: str) -> None:
    assert parse_filter(f"name = {written}") == Comparison(Field.NAME, Operator.EQUAL, meant)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("9007199254740993", 9007199254740993),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0.5", 0.5),
        ("-1.5e-3", -0.0015),
        ("1E20", 1e20),
        ("true", True),
        ("FALSE", False),
        ('"200"', "200"),
    ],
)
def test_attributes_compare_with_every_type_of_value(written: str, value: str | float) -> None:
    parsed = parse_filter(f'attributes["k"] = {written}')
    assert parsed == Comparison(span_attribute("k"), Operator.EQUAL, value)
    assert isinstance(parsed, Comparison)
    assert type(parsed.value) is type(value)


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("250ns", 250),
        ("1us", 1_000),
        ("1.5µs", 1_500),
        ("1.5μs", 1_500),
        ("100ms", 100_000_000),
        ("0.000000001s", 1),
        ("2m", 120_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("1e3s", 1_000_000_000_000),
        ("18446744073709551615ns", 2**64 - 1),
    ],
)
def test_durations_are_exact_in_every_unit(written: str, ns: int) -> None:
    assert parse_filter(f"duration = {written}") == Comparison(Field.DURATION, Operator.EQUAL, Duration(ns))
    assert read_duration(written) == Duration(ns)


@pytest.mark.parametrize(
    ("written", "unix_nano"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.5+01:00", 500_000_000),
        ("2026-03-01 12:00:00.123456789z", 1_772_366_400_123_456_789),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_times_are_exact_to_the_nanosecond(written: str, unix_nano: int) -> None:
    parsed = parse_filter(f'start_time >= "{written}"')
    assert parsed == Comparison(Field.START_TIME, Operator.AT_LEAST, Instant(unix_nano))


def test_words_and_ids_are_kept_in_lower_case() -> None:
    assert parse_filter('kind = "SERVER"') == Comparison(Field.KIND, Operator.EQUAL, "server")
    assert parse_filter(f'trace_id = "{"AB" * 16}"') == Comparison(Field.TRACE_ID, Operator.EQUAL, "ab" * 16)


def test_an_error_shows_its_place() -> None:
    error = error_of('service = "a"\n  and nme = "b"')
    assert (error.position, error.line, error.column) == (20, 2, 7)
    assert str(error) == ('there is no field nme; did you mean name?\n    and nme = "b"\n        ^')


def test_an_error_of_the_grammar_lists_what_it_expected() -> None:
    error = error_of("kind = server root")
    assert error.expected == ("`and`", "`or`", "the end")
    assert error.message == "expected `and`, `or` or the end, not 'root'"


def test_an_error_far_into_a_long_filter_shows_only_its_surroundings() -> None:
    error = error_of("root and " * 20 + "\tnme = 1" + " and root" * 20)
    shown, caret = str(error).splitlines()[1:]
    assert len(shown) < 130
    assert shown[caret.index("^") :].startswith("nme = 1")


def test_an_error_shows_no_control_characters() -> None:
    assert "\x1b" not in str(error_of('name = "\x1b[31m" nme'))


@pytest.mark.parametrize(
    ("text", "column", "advice"),
    [
        ('servce = "a"', 1, "did you mean service?"),
        ('atributes["k"] = 1', 1, "did you mean attributes?"),
        ('service["k"] = 1', 1, "service has no keys"),
        ("attributes = 1", 1, "attributes needs a key"),
        ("attributes.http.route = 1", 1, 'write attributes["http.route"]'),
        ("http.route = 1", 1, 'write attributes["http.route"]'),
        ("attributes[k] = 1", 12, "expected text in quotes, not 'k]'"),
        ("service = a", 11, 'put text in quotes: "a"'),
        ("service = 5", 11, "service is text"),
        ('service = "a', 11, "this text never ends"),
        ('name = "a\\d"', 10, r"write \\d for a backslash"),
        ('name = "\\ud800"', 8, "half of a surrogate pair"),
        ('attributes["\ud800"] = 1', 1, "half of a surrogate pair"),
        ("service = \u201ca\u201d", 11, "use straight quotes"),
        ('service == "a"', 10, "equality is written ="),
        ('service =~ "a"', 10, "compared with ~"),
        ('service <> "a"', 10, "inequality is written !="),
        ("root && root", 6, "write and"),
        ("root || root", 6, "write or"),
        ("!root", 1, "write not"),
        ('service not in ("a")', 9, "not service in"),
        ('attributes["k"] exists', 17, "write exists in front"),
        ("root = true", 1, "write root or not root"),
        ("exists service", 1, "service always exists"),
        ("service", 1, "must be compared"),
        ("service in ()", 13, "expected a name, text in quotes or a number"),
        ("(root", 6, "expected `)`, not the end"),
        ("root)", 5, "not ')'"),
        ("root and", 9, "not the end"),
        ("duration > 5", 12, "such as 5ms"),
        ("duration > 5sec", 12, "'sec' is not a unit of time"),
        ('duration > "5s"', 12, "such as 250ms"),
        ("duration > 1.5ns", 12, "whole nanoseconds"),
        ("duration > 1.00000000000000000000000000000000000001s", 12, "whole nanoseconds"),
        ("duration > -5ms", 12, "between 0 and 584 years"),
        ("duration > 18446744073709551616ns", 12, "between 0 and 584 years"),
        ("duration ~ 5ms", 10, "use one of =, !=, >, >=, <, <="),
        ("kind = foo", 8, "one of server, client, internal, producer, consumer, unspecified"),
        ("status = 1", 10, "one of ok, error, unset"),
        ('status ~ "o"', 8, "use one of =, !="),
        ('trace_id = "abc"', 12, "32 hexadecimal digits"),
        ("span_id = 5", 11, "16 hexadecimal digits"),
        ('start_time > "2026-03-01"', 14, "RFC 3339"),
        ('start_time > "2026-02-30T00:00:00Z"', 14, "RFC 3339"),
        ('start_time > "1969-12-31T23:59:59Z"', 14, "1970 to 2262"),
        ("start_time > 5", 14, "a time in quotes"),
        ('attributes["k"] > true', 17, "use one of =, !="),
        ('attributes["k"] contains 5', 17, "does not compare a number"),
        ('attributes["k"] > 5s', 19, "no unit"),
        ('attributes["k"] = 9223372036854775808', 19, "does not fit 64 bits"),
        ('attributes["k"] = 1e999', 19, "finite numbers"),
        ('attributes["k"] = nan', 19, "put text in quotes"),
        ('attributes["k"] = -inf', 19, "expected"),
        ('attributes["k"] = .5', 19, "not a number"),
        ('attributes["k"] = 1e99999', 19, "not a number"),
        ("not (trace_duration > 1s and root)", 1, "only `and` joins the two"),
        ("trace_duration > 1s or root", 21, "only `and` joins the two"),
    ],
)
def test_a_mistake_is_pointed_at_with_advice(text: str, column: int, advice: str) -> None:
    error = error_of(text)
    assert advice in error.message
    assert error.column == column


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("a(b", "a ( is not closed"),
        ("a)b", "a ) closes nothing"),
        ("[a", "a [ is not closed"),
        ("*a", "nothing to repeat"),
        ("(a|+)", "nothing to repeat"),
        ("(?=a)", "no look-ahead"),
        ("(?<!a)", "no look-ahead"),
        (r"(a)\1", "no back-references"),
        ("a\\", "a lone backslash"),
    ],
)
def test_a_regular_expression_that_cannot_compile_is_refused(pattern: str, advice: str) -> None:
    with pytest.raises(FilterError, match="does not compile") as caught:
        Comparison(Field.NAME, Operator.MATCHES, pattern)
    assert advice in caught.value.message


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a|b",
        r"\(\[",
        "[]()*]",
        "[^]]",
        "[[:alpha:]]",
        r"\Q(*\E",
        r"\Q(",
        "(?i)a",
        "(?P<n>a)",
        r"\pL\z",
        "^*",
    ],
)
def test_a_regular_expression_of_re2_is_taken(pattern: str) -> None:
    assert Comparison(Field.NAME, Operator.MATCHES_NOT, pattern).value == pattern


def test_conditions_made_by_hand_are_checked_like_written_ones() -> None:
    with pytest.raises(FilterError, match="duration is compared with a number and its unit") as caught:
        Comparison(Field.DURATION, Operator.AT_LEAST, 5)
    assert caught.value.position is None
    with pytest.raises(FilterError, match="finite"):
        Comparison(span_attribute("k"), Operator.EQUAL, float("nan"))
    with pytest.raises(FilterError, match="needs a unit, such as 100ms"):
        read_duration("100")


def test_every_example_of_the_guide_is_a_filter() -> None:
    guide = Path(__file__).parents[2].joinpath("docs", "filter-language.md").read_text()
    table = guide.partition("## Examples")[2].partition("##")[0]
    examples = re.findall(r"\| `(.*)` \|$", table, re.MULTILINE)
    assert len(examples) >= 10
    for example in examples:
        parse_filter(example.replace(r"\|", "|"))


def test_a_filter_has_a_longest_length() -> None:
    assert parse_filter("root".ljust(4096)) == Root()
    assert "4097 characters; at most 4096" in error_of("root".ljust(4097)).message


def test_a_filter_has_a_deepest_nesting() -> None:
    assert parse_filter("not " * 49 + "root")
    error = error_of("not " * 50 + "root")
    assert (error.message, error.column) == ("the filter nests deeper than 50 levels", 1)


def test_a_filter_makes_a_hundred_comparisons_at_most() -> None:
    values = ", ".join(['"a"'] * 99)
    assert parse_filter(f"service in ({values}) or root")
    assert "101 comparisons; at most 100" in error_of(f"service in ({values}) or root or root").message


@pytest.mark.parametrize(
    "text", ["(" * 4096, "(" * 2046 + "root" + ")" * 2046, "not " * 1023 + "root", "[" * 4096]
)
def test_no_nesting_exhausts_the_stack(text: str) -> None:
    assert isinstance(answer_to(text), Root | FilterError)


FRAGMENTS = (
    'service attributes["k"] resource any[ ] ( ) and or not in exists root kind server'
    ' = != ~ contains , 5 5s "a" "a( true ` \\ \ud800'
)


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=())),
        st.lists(st.sampled_from(FRAGMENTS.split())).map(" ".join),
    )
)
def test_any_text_is_a_filter_or_a_mistake_with_a_place(text: str) -> None:
    answer = answer_to(text)
    if isinstance(answer, FilterError):
        assert str(answer).encode()
        assert answer.position is not None
        assert 0 <= answer.position <= len(text)
