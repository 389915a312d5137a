"""How the client asks a query service."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3

_PATIENCE = urllib3.Timeout(connect=5, read=90)


class Refused(Exception):
    """The query service answered with a problem (RFC 9457): its `status`, `title` and `detail`.

    `parameter` is the one that is wrong, if it is one; `problem` has all members of the answer.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        self.title: str = problem.get("title", "")
        self.detail: str = problem.get("detail", "")
        self.parameter: str | None = problem.get("parameter")
        super().__init__(f"{status} {self.title}: {self.detail}")


class Connection:
    """A query service at `url`, and the token that it may ask for."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._base = f"{url.rstrip('/')}/api/v1/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(timeout=_PATIENCE)

    def get(self, path: str, parameters: Mapping[str, Any]) -> bytes:
        """The JSON that a route answers. Raises `Refused`, or ConnectionError when there is no answer."""
        fields = list(_fields(parameters))
        try:
            answer = self._pool.request("GET", self._base + path, fields=fields, headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(
                f"{self._base} does not answer ({error}); is the query service there?"
            ) from error
        if answer.status != 200:
            raise Refused(answer.status, _problem(answer))
        return answer.data


def _fields(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lists as repeated parameters, booleans in lower case; None is not sent."""
    for name, value in parameters.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                yield name, str(each).lower() if isinstance(each, bool) else str(each)


def _problem(answer: urllib3.BaseHTTPResponse) -> Mapping[str, Any]:
    """What went wrong; a proxy in between may answer something else than problem details."""
    try:
        problem = json.loads(answer.data)
    except ValueError:
        problem = None
    return (
        problem
        if isinstance(problem, dict)
        else {"title": answer.reason or "", "detail": answer.data.decode(errors="replace")[:500]}
    )
