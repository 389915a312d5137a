"""What must not leave the function: secrets, known by the name they stand under or by their own looks.

Names are compared without case, `-`, `_`, `.` and spaces: `X-Api-Key` is `xapikey`. Patterns are compiled when the first text is looked
at, for most functions never need them. All of them take time in proportion to the text.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

MASK = "***"

SECRET_PARTS = (
    "accesskey",
    "apikey",
    "authorization",
    "cardnumber",
    "connectionstring",
    "cookie",
    "credential",
    "creditcard",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signature",
    "token",
)
"""A name that contains one of these is a secret's."""
SECRET_NAMES = frozenset(("auth", "cvc", "cvv", "cvv2", "jwt", "otp", "pass", "pin", "pwd", "sid", "ssn"))
"""As is one that is one of these."""
_HARMLESS = frozenset(("signaturemethod", "signatureversion", "tokentype"))
_IN_URLS_TOO = frozenset(("code", "key", "session", "sessionid", "sig")) | _HARMLESS
"""What is a secret's name in the query of a URL, beside what is one anywhere; there, nothing is taken for harmless."""
_MOST_KNOWN = 2_000

_extra_parts: tuple[str, ...] = ()
_known: dict[str, bool] = {}
_compiled: dict[str, re.Pattern[str]] = {}

_LOOKS = r"""(?<![A-Za-z0-9])(?:
    (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])      # AWS access key ids
  | (?<![\w-])eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*){0,3}          # JSON web tokens
  | (?:gh[oprsu]|github_pat)_\w{20,}
  | glpat-[\w-]{16,}
  | xox[a-z]-[\w-]{10,}                                      # Slack
  | [rs]k_(?:live|test)_\w{10,}                              # Stripe
  | sk-[\w-]{20,}                                            # OpenAI, Anthropic
  | AIza[\w-]{30,} | ya29\.[\w-]{10,}                        # Google
  | npm_\w{30,} | pypi-[\w-]{16,}
  | SG\.[\w-]{16,}\.[\w-]{16,}                               # SendGrid
  | cl_[a-z0-9]{1,40}_[\w-]{16,}                             # Coldlight
  | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----(?s:.*?)(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
  | (?P<scheme>[Bb]earer\s+)[\w.~+/=-]{16,}
  | (?P<basic>[Bb]asic\s+)[A-Za-z0-9+/]{6,}={0,2}
  | (?P<card>(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-]|\.\d))
  | (?P<random>(?<![/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])) # AWS secret access keys
)"""
_PAIRS = r"""(?<![\w.-])(?P<name>[\w.-]{1,64})(?P<between>["']\s*:\s*|\s*=\s*)(?P<value>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&,;"'})\]]+)"""
_IN_URLS = r"(://[^\s/:@]*:)[^\s/@]+(?=@)"
_NAMES = r"[^\W\d]\w*"
_LITERALS = r"""(?P<quote>["'])(?s:.+)|\b\d[\d_]{2,}\b"""


def set_up(names: Iterable[str]) -> None:
    """Takes further names (`COLDLIGHT_MASK_KEYS`), each as a part that makes a name a secret's."""
    global _extra_parts
    _extra_parts = tuple(filter(None, map(_bare, names)))
    _known.clear()


def is_secret(name: str) -> bool:
    """Whether what stands under this name is a secret."""
    known = _known.get(name)
    if known is None:
        known = _is_secret(_bare(name[:200]))
        if len(_known) < _MOST_KNOWN and len(name) < 200:
            _known[name] = known
    return known


def is_secret_in_url(name: str) -> bool:
    """The same, of a parameter in a URL's query."""
    return is_secret(name) or _bare(name[:200]) in _IN_URLS_TOO


def _is_secret(bare: str) -> bool:
    if any(part in bare for part in _extra_parts):
        return True
    if bare in _HARMLESS:
        return False
    return bare in SECRET_NAMES or any(part in bare for part in SECRET_PARTS)


def _bare(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "").replace(" ", "")


def text(given: str) -> str:
    """A text without the secrets that it shows: keys and tokens by their looks, and `name=value` by their names."""
    if len(given) < 7:
        return given
    masked = _without_looks(given)
    if "=" in masked or ":" in masked:
        masked = _pattern("pairs", _PAIRS).sub(_by_name, masked)
    return masked


def source(line: str) -> str:
    """A line of source without the secrets that it shows: what looks like one and, where the name of a secret stands in the line,
    numbers of three digits or more and all from its first quote on. What would be a text is not asked: a line may begin in one."""
    masked = _without_looks(line)
    if any(map(is_secret, _pattern("names", _NAMES).findall(masked))):
        masked = _pattern("literals", _LITERALS).sub(_as_literal, masked)
    return masked


def _without_looks(given: str) -> str:
    masked = _pattern("looks", _LOOKS).sub(_by_looks, given)
    if "://" in masked and "@" in masked:
        masked = _pattern("in_urls", _IN_URLS).sub(r"\1" + MASK, masked)
    return masked


def _as_literal(match: re.Match[str]) -> str:
    return f"{match['quote'] or ''}{MASK}"


def _pattern(name: str, source: str) -> re.Pattern[str]:
    found = _compiled.get(name)
    if found is None:
        import re

        found = _compiled[name] = re.compile(source, re.VERBOSE if name == "looks" else 0)
    return found


def _by_looks(match: re.Match[str]) -> str:
    whole, kind = match.group(), match.lastgroup
    if kind == "card":
        return MASK if _is_card(whole) else whole
    if kind == "random":
        return MASK if _is_random(whole) else whole
    if kind == "basic":
        return match["basic"] + MASK if _is_basic(whole[len(match["basic"]) :]) else whole
    return match["scheme"] + MASK if kind == "scheme" else MASK


def _by_name(match: re.Match[str]) -> str:
    value = match["value"]
    if not is_secret(match["name"]) or value in ('""', "''"):
        return match.group()
    quote = value[0] if value[0] in "\"'" else ""
    return f"{match['name']}{match['between']}{quote}{MASK}{quote}"


def _is_card(given: str) -> bool:
    """Payment cards end in a check digit (ISO/IEC 7812-1, annex B: Luhn); those of 13 digits begin with 4."""
    digits = [int(character) for character in given if character.isdigit()]
    if len(digits) == 13 and digits[0] != 4:
        return False
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_random(given: str) -> bool:
    """Capital and small letters and digits: a digest in hex, a path or a long word has not all of them."""
    return (
        any(character.isdigit() for character in given)
        and any(character.islower() for character in given)
        and any(character.isupper() for character in given)
    )


def _is_basic(given: str) -> bool:
    """`user:password` in base64 (RFC 7617), as other words follow "basic", too."""
    import binascii

    try:
        return b":" in binascii.a2b_base64(given[: len(given) // 4 * 4])
    except ValueError:
        return False
