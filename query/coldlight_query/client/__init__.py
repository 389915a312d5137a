"""Coldlight in notebooks: every answer of the query service as a pandas data frame (docs/notebooks.md)."""

from coldlight_query.client.client import Client
from coldlight_query.client.connection import Refused

__all__ = ["Client", "Refused"]
