"""The Coldlight layer for AWS Lambda functions: standard library only, it imports nothing of the server."""

__version__ = "0.1.0"
