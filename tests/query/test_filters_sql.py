"""The SQL of a filter. What it finds is the matter of test_filters_clickhouse.py."""

import pytest

from coldlight_query.filters import (
    And,
    Attribute,
    Comparison,
    Condition,
    Operator,
    Or,
    Root,
    Scope,
    compile_filter,
    parse_filter,
)


def test_a_filter_becomes_conditions_with_bound_parameters() -> None:
    text = 'service = "orders" and attributes["http.response.status_code"] >= 500 and duration > 1s'
    assert compile_filter(parse_filter(text)).row == Condition(
        "((ServiceName = {f0:String}) AND (mapContains(SpanAttributes, {f1:String}) AND "
        "coalesce(toInt64OrNull(SpanAttributes[{f1:String}]) >= {f2:Int64}, "
        "toFloat64OrNull(SpanAttributes[{f1:String}]) >= {f2:Int64}, 0)) AND (Duration > {f3:UInt64}))",
        {"f0": "orders", "f1": "http.response.status_code", "f2": 500, "f3": 1_000_000_000},
    )


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("", "1"),
        ("root", "ParentSpanId = ''"),
        ("not root", "NOT (ParentSpanId = '')"),
        ("kind in (server, client)", "(SpanKind = {f0:String}) OR (SpanKind = {f1:String})"),
        ('name !~ "^GET"', "NOT match(SpanName, {f0:String})"),
        ('status_message contains "x"', "position(StatusMessage, {f0:String}) > 0"),
        ('start_time >= "2026-03-01T00:00:00Z"', "Timestamp >= fromUnixTimestamp64Nano({f0:Int64})"),
        ('exists resource["a"]', "mapContains(ResourceAttributes, {f0:String})"),
        (
            'event["a"] = true',
            (
                "arrayExists(entry -> mapContains(entry, {f0:String}) AND entry[{f0:String}] = {f1:String}, "
                "Events.Attributes)"
            ),
        ),
        (
            'exists any["a"]',
            (
                "mapContains(SpanAttributes, {f0:String}) OR mapContains(ResourceAttributes, {f0:String}) "
                "OR mapContains(ScopeAttributes, {f0:String}) "
                "OR arrayExists(entry -> mapContains(entry, {f0:String}), Events.Attributes) "
                "OR arrayExists(entry -> mapContains(entry, {f0:String}), Links.Attributes)"
            ),
        ),
    ],
)
def test_each_construct_has_its_sql(text: str, sql: str) -> None:
    assert compile_filter(parse_filter(text)).row.sql == f"({sql})"


def test_conditions_on_the_trace_are_separate() -> None:
    compiled = compile_filter(
        parse_filter("trace_duration > 1s and (root and trace_duration < 1h)"), prefix="p"
    )
    assert compiled.row == Condition("(ParentSpanId = '')", {})
    length = "(toUnixTimestamp64Nano(End) - toUnixTimestamp64Nano(Start))"
    assert compiled.trace == Condition(
        f"(({length} > {{p_trace0:UInt64}}) AND ({length} < {{p_trace1:UInt64}}))",
        {"p_trace0": 1_000_000_000, "p_trace1": 3_600_000_000_000},
    )


def test_without_conditions_on_the_trace_there_are_none() -> None:
    assert compile_filter(Root()).trace is None


def test_written_and_handmade_conditions_compile_together() -> None:
    handmade = Comparison(Attribute(Scope.OWN, "k"), Operator.EQUAL, "v")
    compiled = compile_filter(And((parse_filter('service = "a" or root'), handmade)))
    assert compiled.row.sql.startswith("(((ServiceName = {f0:String}) OR (ParentSpanId = '')) AND (")
    assert compiled.row.parameters == {"f0": "a", "f1": "k", "f2": "v"}


def test_no_operands_are_true_for_and_and_false_for_or() -> None:
    assert compile_filter(And((Or(()), Root()))).row.sql == "((0) AND (ParentSpanId = ''))"
    assert compile_filter(And(())).row.sql == "(1)"


def test_a_prefix_that_is_no_identifier_is_refused() -> None:
    with pytest.raises(ValueError, match="must be an identifier"):
        compile_filter(Root(), prefix="f:String} OR {g")
