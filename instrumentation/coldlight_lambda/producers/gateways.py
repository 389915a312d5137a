"""API Gateway, AppSync and function URLs, which are called by HTTP: for the patches of HTTP clients."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def produced(host: str, headers: Mapping[str, str]) -> list[str]:
    """The link keys in an answer. `headers` finds names in lower case.

    A gateway behind a domain of one's own is known by its headers: `apigw-requestid` is an HTTP API's, `x-amz-apigw-id` comes with
    a REST API's `x-amzn-requestid`. An answer with the latter alone, from a host of nobody's, tells not who gave it.
    """
    request_id = headers.get("x-amzn-requestid") or ""
    if host.endswith(".on.aws") and ".lambda-url." in host:
        kind = "lambda"
    elif ".appsync-api." in host or "x-amzn-appsync-tokensconsumed" in headers:
        kind = "appsync"
    elif ".execute-api." in host or "x-amz-apigw-id" in headers or headers.get("apigw-requestid"):
        kind, request_id = "apigateway", headers.get("apigw-requestid") or request_id
    else:
        return []
    return [f"{kind}:{request_id}"] if request_id else []
