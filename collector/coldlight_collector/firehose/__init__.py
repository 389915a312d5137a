"""CloudWatch through Amazon Data Firehose: `POST /aws/firehose` takes Logs subscriptions and Metric Streams."""

from coldlight_collector.firehose.endpoint import refuse, routes

__all__ = ["refuse", "routes"]
