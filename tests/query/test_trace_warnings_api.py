"""What is odd about a trace is said with it: missing parents, circles, what was changed on receipt."""

from tests.query.api import Api

from coldlight_storage.testing import Put, span, traces_request


async def test_a_missing_parent_is_named(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(3, parent=2)))
    [warning] = (await api.trace())["warnings"]
    assert warning.startswith("1 parent span(s) have not been received")
    assert warning.endswith("(0000000000000002)")


async def test_many_missing_parents_are_counted(api: Api, put: Put) -> None:
    put(traces_request(*[span(number, parent=number + 100) for number in range(1, 8)]))
    [warning] = (await api.trace())["warnings"]
    assert warning.startswith("7 parent span(s)")
    assert warning.endswith("0000000000000069, ...)")


async def test_several_roots_are_counted(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(2), span(3, parent=1)))
    assert (await api.trace())["warnings"] == ["2 spans have no parent: this trace has several roots"]


async def test_parents_in_a_circle_are_counted(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(2, parent=3), span(3, parent=2), span(4, parent=3), span(5, parent=5)))
    assert (await api.trace())["warnings"] == [
        "4 span(s) lead to no root: their parents form a circle",
    ]


async def test_what_was_changed_on_receipt_is_counted(api: Api, put: Put) -> None:
    put(
        traces_request(
            span(1, attributes={"coldlight.repaired": ["name"]}),
            span(2, parent=1, attributes={"coldlight.truncated": ["attributes"]}),
            span(3, parent=1, attributes={"coldlight.repaired": ["name"]}),
        )
    )
    assert (await api.trace())["warnings"] == [
        "2 span(s) were repaired on receipt; see their attribute coldlight.repaired",
        "1 span(s) were cut to a limit on receipt; see their attribute coldlight.truncated",
    ]
