"""Where a URL leads to: what the settings take for one is what the shipper can connect to."""

from __future__ import annotations

_PORTS = {"http": 80, "https": 443}
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_IPV6 = frozenset("abcdef0123456789:.")
_LONGEST_LABEL = 63


class Address:
    """A server, and what its paths begin with. `path` has no slash at its end."""

    __slots__ = ("host", "is_secure", "path", "port")

    def __init__(self, url: str) -> None:
        """Raises ValueError that says what is wrong, and nothing of the URL: there may be a password in it."""
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host, port = _parts(authority)
        reason = _fault(scheme.lower(), authority, host.lower(), port) or _fault_of_path(path)
        if reason:
            raise ValueError(f"no URL to send to: {reason}")
        self.is_secure = scheme.lower() == "https"
        self.host = host
        self.port = int(port) if port else _PORTS[scheme.lower()]
        self.path = (slash + path).rstrip("/")

    @property
    def authority(self) -> str:
        """Host and port, as the header `Host` has them (RFC 9110, section 7.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _parts(authority: str) -> tuple[str, str]:
    """Host and port; no host where a bracket is missing."""
    if not authority.startswith("["):
        host, _, port = authority.partition(":")
        return host, port
    host, bracket, port = authority[1:].partition("]")
    return (host, port.removeprefix(":")) if bracket else ("", "")


def _fault(scheme: str, authority: str, host: str, port: str) -> str:
    if scheme not in _PORTS:
        return "it is neither http nor https"
    if "@" in authority:
        return "a user name or password has no place in it (COLDLIGHT_TOKEN has)"
    if not (_is_ipv6(host) if authority.startswith("[") else _is_name(host)):
        return "there is no host in it, or none that can be looked up"
    if port and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        return "its port is no number from 1 to 65535"
    return ""


def _fault_of_path(path: str) -> str:
    is_plain = path.isascii() and path.isprintable() and not any(letter in path for letter in " ?#")
    return "" if is_plain else "its path has spaces, a query, or what only stands in URLs as %XX"


def _is_name(host: str) -> bool:
    """Of a host, or an IPv4 address; with labels that a resolver takes (RFC 1035, section 2.3.4)."""
    labels = host.removesuffix(".").split(".")
    return all(0 < len(label) <= _LONGEST_LABEL and _LETTERS.issuperset(label) for label in labels)


def _is_ipv6(host: str) -> bool:
    return ":" in host and _IPV6.issuperset(host)
