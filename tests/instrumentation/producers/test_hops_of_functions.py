"""Every hop from one function to the next, both run by the real runtime client with the layer: what arrives at the collector of either."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.instrumentation.lambda_api.sandboxes import sandboxes
from tests.instrumentation.producers import stories
from tests.instrumentation.producers.conftest import RECEIVED, produced
from tests.instrumentation.producers.stories import Story
from tests.otlp import attributes

from coldlight_lambda.contexts import xray_fields

QUEUES = ("a_queue", "a_queue_whose_messages_are_full", "a_topic", "a_topic_in_a_queue")
"""Messages carry context by themselves."""
CALLS = ("a_function", "an_http_api")
BODIES = ("a_bus", "a_bus_in_a_queue", "a_stream", "a_state_machine")
"""Context can only be in their bodies, where the function's owner has asked for it."""
OTHERS = ("a_table", "a_bucket", "a_delivery_stream")
"""There is no place for context at all."""
ASKED = tuple(f"{name}, asked" for name in BODIES)
EVERY = (*QUEUES, *CALLS, *BODIES, *OTHERS, *ASKED)


@dataclass(frozen=True)
class Hop:
    story: Story
    calls: list[Span]
    """Of the first function, in their order."""
    headers: list[str]
    """X-Ray's header of each call to AWS."""
    consumers: list[Span]
    """The second function's own spans."""

    def sent(self) -> list[tuple[bytes, bytes]]:
        """The span of each record that was sent: its trace, and itself."""
        return [(span.trace_id, span.span_id) for span in self.calls for _ in range(records_of(span))]

    def senders(self) -> list[tuple[bytes, bytes]]:
        """Where the second function takes each record to be from."""
        links = [(link.trace_id, link.span_id) for span in self.consumers for link in span.links]
        return links + [
            (span.trace_id, span.parent_span_id) for span in self.consumers if span.parent_span_id
        ]

    def consumed(self) -> list[str]:
        """Link keys of the second function."""
        return [key for span in self.consumers for key in consumed(span)]


def records_of(span: Span) -> int:
    """Of a call; what S3 writes has two keys, its request's and its object's."""
    return len([key for key in produced(span) if not key.startswith("s3obj:")])


def consumed(span: Span) -> list[str]:
    """Its own request id is consumed without saying so."""
    keys: list[str] = attributes(span).get("coldlight.link.consumed", [])
    return [*keys, f"lambda:{attributes(span)['faas.invocation_id']}"]


@dataclass(frozen=True)
class Told:
    """What a story's invocations are, to find their spans by."""

    story: Story
    headers: list[str]
    producer: str
    consumers: list[str]

    def hop(self, collector: Collector) -> Hop:
        spans = sorted(collector.spans(), key=lambda span: span.start_time_unix_nano)
        own = {attributes(span).get("faas.invocation_id"): span for span in spans}
        calls = [span for span in spans if span.parent_span_id == own[self.producer].span_id]
        return Hop(self.story, calls, self.headers, [own[each] for each in self.consumers])


def tell(story: Story, producer: Sandbox, consumer: Sandbox) -> Told:
    answer = producer.invoke(story.calls, trace=RECEIVED)
    assert not answer.is_error, answer.body
    deliveries = story.deliver(answer.value)
    consumers = [
        consumer.invoke(each.event, each.request_id, context=each.client_context) for each in deliveries
    ]
    assert [each.value for each in consumers] == [each.event for each in deliveries]
    headers = [call["sent"].get("X-Amzn-Trace-Id", "") for call in answer.value]
    return Told(story, headers, answer.request_id, [each.request_id for each in consumers])


@pytest.fixture(scope="module")
def hops(
    clients: tuple[Callable[[str], Any], Any],
    endpoint: str,
    url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Hop]]:
    """All stories, told in three sandboxes."""
    collector, folder = Collector(), tmp_path_factory.mktemp("hops")
    with sandboxes(folder, collector.url) as make:
        aws = {"AWS_ENDPOINT_URL": endpoint}
        producers = [
            make("shop.calls", {**aws, "COLDLIGHT_PROPAGATE_IN_BODIES": asked}) for asked in ("false", "true")
        ]
        consumer = make("app.echo")
        told = {}
        for name in EVERY:
            of, is_asked = name.removesuffix(", asked"), name in ASKED
            begin = partial(stories.an_http_api, url=url) if of == "an_http_api" else getattr(stories, of)
            story = begin(clients[0], name.replace("_", "-").replace(", ", "-"))
            told[name] = tell(story, producers[is_asked], consumer)
    yield {name: each.hop(collector) for name, each in told.items()}
    collector.close()


@pytest.fixture
def hop(hops: dict[str, Hop], request: pytest.FixtureRequest) -> Hop:
    return hops[request.param]


@pytest.mark.parametrize("hop", EVERY, indirect=True)
def test_every_record_joins_exactly_one_entry_of_the_function_that_sent_it(
    hop: Hop, hops: dict[str, Hop]
) -> None:
    every = Counter(key for each in hops.values() for span in each.calls for key in produced(span))
    joined = [key for key in hop.consumed() if key in every]
    assert sorted(joined) == sorted(key for span in hop.calls for key in produced(span))
    assert {every[key] for key in joined} == {1}
    assert sum(records_of(span) for span in hop.calls) == hop.story.records


@pytest.mark.parametrize("hop", [*QUEUES, *CALLS, *ASKED], indirect=True)
def test_every_record_leads_to_the_very_call_that_sent_it(hop: Hop) -> None:
    assert Counter(hop.senders()) == Counter(hop.sent())


@pytest.mark.parametrize("hop", ["a_queue", "a_queue_whose_messages_are_full"], indirect=True)
def test_a_link_says_which_message_it_is_of(hop: Hop) -> None:
    keys = {span.span_id: produced(span) for span in hop.calls}
    for link in hop.consumers[0].links:
        assert f"sqs:{attributes(link)['messaging.message.id']}" in keys[link.span_id]


@pytest.mark.parametrize("hop", [*BODIES, *OTHERS], indirect=True)
def test_where_no_context_travels_none_is_made_up(hop: Hop) -> None:
    assert hop.senders() == []
    assert {span.trace_id for span in hop.consumers}.isdisjoint({span.trace_id for span in hop.calls})


@pytest.mark.parametrize("hop", EVERY, indirect=True)
def test_calls_to_aws_hand_on_their_own_span_and_the_lineage(hop: Hop) -> None:
    for header, span in zip(hop.headers, hop.calls, strict=True):
        if header:
            fields = xray_fields(header)
            assert fields["Parent"] == span.span_id.hex()
            assert fields["Root"].replace("-", "")[1:] == span.trace_id.hex()
            assert fields["Lineage"] == xray_fields(RECEIVED)["Lineage"]


@pytest.mark.parametrize("hop", CALLS, indirect=True)
def test_a_function_that_was_called_goes_on_in_the_trace_of_its_caller(hop: Hop) -> None:
    (consumer,) = hop.consumers
    assert consumer.trace_id == hop.calls[0].trace_id
    assert consumer.links == []
