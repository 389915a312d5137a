"""Gates for tests: open to all, or to who has one of some tokens."""

from coldlight_collector.gate import Gate
from coldlight_storage.state.tokens import Token
from coldlight_storage.testing import tokens_known


def gate(shared: str | None = None, *tokens: Token) -> Gate:
    """Open to all without a token; `shared` is the one of `--auth-token`."""
    return Gate(tokens_known(*tokens, shared=shared))
