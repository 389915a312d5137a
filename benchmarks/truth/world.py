"""One application with its requests, what is sent of it, and what is to be answered: the same for the same recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.truth.arrivals import world as happen
from benchmarks.truth.expected import Expected, expectations
from benchmarks.truth.graph import Graph, Message, follow
from benchmarks.truth.recording import MadeSpan, Role, instances
from benchmarks.truth.trouble import Wire, trouble, untroubled
from benchmarks.truth.wire import Flavour


@dataclass(frozen=True)
class Recipe:
    """What a world follows from."""

    seed: int
    requests: int
    flavour: Flavour = Flavour.LAYER
    has_trouble: bool = True
    services: tuple[str, ...] = ()
    """Names of the services between functions; empty for all."""

    @property
    def command(self) -> str:
        """What replays it alone."""
        words = [f"--seed {self.seed} --worlds 1 --requests {self.requests} --flavour {self.flavour}"]
        words += [] if self.has_trouble else ["--no-trouble"]
        words += [f"--service {name}" for name in self.services]
        return f"python -m benchmarks.truth {' '.join(words)}"


@dataclass(frozen=True)
class World:
    """`spans` are all that were made, by span id; `wire` has those that arrive."""

    recipe: Recipe
    graph: Graph
    spans: Mapping[str, MadeSpan]
    wire: Wire
    expected: Sequence[Expected]
    messages: Mapping[str, Message]
    instances: Mapping[int, str]
    """The sandbox of each run, by its number."""

    def place(self, span_id: str) -> str:
        """What a hop's end is called: an invocation by its request id, whichever attempt; anything else by its span id."""
        made = self.spans.get(span_id)
        if made is not None and made.role is Role.RUN:
            return self.graph.runs[made.run].request_id or span_id
        return span_id


def world(recipe: Recipe) -> World:
    book = happen(recipe.seed, recipe.requests, recipe.services)
    graph = book.graph()
    caused = [follow(graph, each, lambda _: True, lambda _: True) for each in graph.requests]
    dice = Random(f"trouble {recipe.seed}")
    sandboxes = instances(graph.runs, book.spans)
    wire = trouble(book.spans, caused, sandboxes, dice) if recipe.has_trouble else untroubled(book.spans)
    spans = {span.ref.span_id: span for span in book.spans}
    expected = expectations(graph, wire, spans, recipe.flavour is Flavour.LAYER)
    return World(recipe, graph, spans, wire, expected, {each.key: each for each in graph.messages}, sandboxes)
