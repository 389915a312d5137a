"""`coldlight demo`: a simulated serverless shop, told through the OpenTelemetry SDK and its OTLP exporters.

Read `shop.py` for what the functions do, `cloud.py` for how they are run, `services.py` for the AWS calls
between them, `delivery.py` for how the telemetry leaves, and `traffic.py` for what customers do.
"""

from coldlight_cli.demo.delivery import DEFAULT_ENDPOINT, DemoError
from coldlight_cli.demo.traffic import DemoResult, run

__all__ = ["DEFAULT_ENDPOINT", "DemoError", "DemoResult", "run"]
