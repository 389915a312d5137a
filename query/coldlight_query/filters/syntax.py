"""The tree of a filter. A node checks itself when it is made, so that every tree that exists compiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import Attribute, Field, Operator, check_operator, fitting_value
from coldlight_query.filters.values import Value


class Level(Enum):
    """Of what a condition speaks, and so in which table it is looked up."""

    SPAN = "span"
    TRACE = "trace"


@dataclass(frozen=True)
class Comparison:
    """`subject operator value`, such as `duration > 1s`. True or false, and false for a missing attribute.

    Raises `FilterError` when the three do not fit together. `value` is kept in the form of `fitting_value`.
    """

    subject: Field | Attribute
    operator: Operator
    value: Value

    def __post_init__(self) -> None:
        check_operator(self.subject, self.operator, self.value)
        fitting = fitting_value(self.subject, self.operator, self.value)
        object.__setattr__(self, "value", fitting)  # how a frozen dataclass normalises what it was given


@dataclass(frozen=True)
class Exists:
    """The attribute is there, whatever its value."""

    attribute: Attribute


@dataclass(frozen=True)
class Root:
    """The span has no parent."""


@dataclass(frozen=True)
class Not:
    """Raises `FilterError` for an operand that speaks of both the span and its trace."""

    operand: "Expression"

    def __post_init__(self) -> None:
        _check_one_level(self)


@dataclass(frozen=True)
class Or:
    """At least one holds; without operands, always false.

    Raises `FilterError` where some operands speak of the span and others of its trace.
    """

    operands: tuple["Expression", ...]

    def __post_init__(self) -> None:
        _check_one_level(self)


@dataclass(frozen=True)
class And:
    """All hold; without operands, always true."""

    operands: tuple["Expression", ...]


Expression = Comparison | Exists | Root | Not | Or | And


def operands(expression: Expression) -> tuple[Expression, ...]:
    """What the expression is made of; nothing for a single condition."""
    match expression:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
    return ()


def leaves(expression: Expression) -> Iterator[Expression]:
    """The single conditions from left to right."""
    parts = operands(expression)
    if not parts:
        yield expression
    for part in parts:
        yield from leaves(part)


def depth(expression: Expression) -> int:
    """How far the leaves are below, 1 for a single condition."""
    return 1 + max(map(depth, operands(expression)), default=0)


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """The parts that must all hold, none of them an `And`. Each has one level."""
    if not isinstance(expression, And):
        yield expression
        return
    for part in expression.operands:
        yield from conjuncts(part)


def level(expression: Expression) -> Level:
    """Of what a conjunct speaks (see `conjuncts`)."""
    return Level.TRACE if Level.TRACE in _levels(expression) else Level.SPAN


def _levels(expression: Expression) -> set[Level]:
    return {_leaf_level(leaf) for leaf in leaves(expression)}


def _leaf_level(leaf: Expression) -> Level:
    about_trace = isinstance(leaf, Comparison) and leaf.subject is Field.TRACE_DURATION
    return Level.TRACE if about_trace else Level.SPAN


def _check_one_level(expression: Expression) -> None:
    if len(_levels(expression)) > 1:
        raise FilterError(
            f"{Field.TRACE_DURATION} speaks of the trace, the rest of one span: only `and` joins the two"
        )
