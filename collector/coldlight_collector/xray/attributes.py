"""Where the fields of a segment document go: attributes of OpenTelemetry's conventions, or `aws.xray.*` as they are.

Names are those of the semantic conventions (1.4x); where these have none, those of the OpenTelemetry Collector's awsxray
receiver. A field that is not listed, or holds what its attribute cannot, is kept under `aws.xray` and its own path.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PREFIX = "aws.xray"
ANNOTATIONS = f"{PREFIX}.annotations"
"""The keys of a span's annotations: among its attributes these came from there."""

_RESERVED = "coldlight."


@dataclass
class Attributes:
    """Attributes being gathered: no key is given twice, and no value is lost."""

    values: dict[str, Any] = field(default_factory=dict)

    def put_new(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Adds what follows from others; what the sender told of the same key stands."""
        for key, value in pairs:
            self.values.setdefault(key, value)

    def put(self, key: str, value: Any, otherwise: str) -> None:
        """Adds a value under `key`, or under the key `otherwise` where another value has it already."""
        if key in self.values:
            if self.values[key] == value:
                return
            key = otherwise
        while key in self.values:
            key += "_"
        self.values[key] = value


def text(value: Any) -> Any:
    """A reader, as all below: the attribute's value, or None for what is none."""
    return value if isinstance(value, str) and value else None


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> Any:
    """A whole number; X-Ray's -1 means that it is not known, and that is no size."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _texts(value: Any) -> Any:
    return value if isinstance(value, list) and value and all(map(text, value)) else None


def _one_text(value: Any) -> Any:
    return [value] if text(value) else None


def _digits(value: Any) -> Any:
    """A number that OpenTelemetry has as a string."""
    return None if _count(value) is None else str(value)


@dataclass(frozen=True)
class Leaf:
    """The attribute of one field. `of_resource`: of the resource, where a segment tells it."""

    key: str
    read: Callable[[Any], Any] = text
    of_resource: bool = False


Table: TypeAlias = Mapping[str, "Leaf | Table"]


def _own(key: str, read: Callable[[Any], Any]) -> Leaf:
    return Leaf(f"{PREFIX}.{key}", read)


def _resource(key: str, read: Callable[[Any], Any] = text) -> Leaf:
    return Leaf(key, read, of_resource=True)


_HTTP: Table = {
    "request": {
        "method": Leaf("http.request.method"),
        "url": Leaf("url.full"),
        "user_agent": Leaf("user_agent.original"),
        "client_ip": Leaf("client.address"),
        "x_forwarded_for": _own("x_forwarded_for", _flag),
        "traced": _own("traced", _flag),
    },
    "response": {
        "status": Leaf("http.response.status_code", _count),
        "content_length": Leaf("http.response.body.size", _count),
    },
}
_SQL: Table = {
    "url": Leaf("db.connection_string"),
    "connection_string": Leaf("db.connection_string"),
    "sanitized_query": Leaf("db.query.text"),
    "user": Leaf("db.user"),
}
_AWS: Table = {
    "account_id": Leaf("aws.account_id"),
    "region": Leaf("cloud.region"),
    "operation": Leaf("rpc.method"),
    "request_id": Leaf("aws.request_id"),
    "id_2": Leaf("aws.extended_request_id"),
    "retries": _own("retries", _count),
    "table_name": Leaf("aws.dynamodb.table_names", _one_text),
    "table_names": Leaf("aws.dynamodb.table_names", _texts),
    "index_name": Leaf("aws.dynamodb.index_name"),
    "queue_url": Leaf("aws.sqs.queue.url"),
    "topic_arn": Leaf("aws.sns.topic.arn"),
    "stream_name": Leaf("aws.kinesis.stream_name"),
    "bucket_name": Leaf("aws.s3.bucket"),
    "bucket": Leaf("aws.s3.bucket"),
    "key": Leaf("aws.s3.key"),
    "function_name": Leaf("faas.invoked_name"),
    "function_arn": Leaf("aws.lambda.invoked_arn"),
}
_XRAY: Table = {"sdk": _resource("telemetry.sdk.name"), "sdk_version": _resource("telemetry.sdk.version")}
_AWS_OF_SEGMENT: Table = {
    **_AWS,
    "account_id": _resource("cloud.account.id"),
    "region": _resource("cloud.region"),
    "function_arn": _resource("cloud.resource_id"),
    "ec2": {
        "instance_id": _resource("host.id"),
        "availability_zone": _resource("cloud.availability_zone"),
        "instance_type": _resource("host.type"),
        "instance_size": _resource("host.type"),
        "ami_id": _resource("host.image.id"),
    },
    "ecs": {
        "container": _resource("container.name"),
        "container_name": _resource("container.name"),
        "container_id": _resource("container.id"),
        "container_arn": _resource("aws.ecs.container.arn"),
        "cluster_arn": _resource("aws.ecs.cluster.arn"),
        "task_arn": _resource("aws.ecs.task.arn"),
        "task_family": _resource("aws.ecs.task.family"),
        "launch_type": _resource("aws.ecs.launchtype"),
        "availability_zone": _resource("cloud.availability_zone"),
    },
    "eks": {
        "cluster_name": _resource("k8s.cluster.name"),
        "pod": _resource("k8s.pod.name"),
        "container_id": _resource("container.id"),
    },
    "elastic_beanstalk": {
        "environment_name": _resource("service.namespace"),
        "deployment_id": _resource("service.instance.id", _digits),
        "version_label": _resource("service.version"),
    },
    "xray": _XRAY,
}
_SUBSEGMENT: Table = {
    "http": _HTTP,
    "aws": _AWS,
    "sql": _SQL,
    "user": Leaf("enduser.id"),
    "traced": _own("traced", _flag),
}
_SEGMENT: Table = {
    **_SUBSEGMENT,
    "aws": _AWS_OF_SEGMENT,
    "resource_arn": _resource("cloud.resource_id"),
    "origin": _resource(f"{PREFIX}.origin"),
    "service": {
        "version": _resource("service.version"),
        "runtime": _resource("process.runtime.name"),
        "runtime_version": _resource("process.runtime.version"),
    },
}
_ELSEWHERE = frozenset(
    ("id", "name", "trace_id", "parent_id", "start_time", "end_time", "in_progress", "subsegments", "cause")
) | {"annotations", "metadata", "links"}
"""Fields of a document that are more than an attribute, or none."""

_PLATFORMS = {
    "AWS::EC2::": "aws_ec2",
    "AWS::ECS::": "aws_ecs",
    "AWS::EKS::": "aws_eks",
    "AWS::ElasticBeanstalk::": "aws_elastic_beanstalk",
    "AWS::Lambda": "aws_lambda",
    "AWS::AppRunner::": "aws_app_runner",
}
_DATABASES = {
    "microsoft sql server": "microsoft.sql_server",
    "mssql": "microsoft.sql_server",
    "oracle": "oracle.db",
    "postgres": "postgresql",
}
"""Names of database engines, in lower case, that differ from OpenTelemetry's `db.system.name`."""

_SERVER = re.compile(
    r"[^/?#]*//(?:[^/?#@]*@)?(?P<host>\[[^]/]+\]|[^:/?#@]+)(?::(?P<port>[0-9]{1,5}))?(?:/(?P<name>[^/?;#]*))?"
)


def of_document(document: Mapping[str, Any], is_segment: bool) -> tuple[Attributes, Attributes]:
    """The attributes of the resource and of the span; a subsegment knows nothing of its resource."""
    resource, span = Attributes(), Attributes()
    table = _SEGMENT if is_segment else _SUBSEGMENT
    told = {key: value for key, value in document.items() if key not in _ELSEWHERE}
    for leaf, path, value in _mapped(told, table, PREFIX):
        gathered = resource if leaf.of_resource else span
        gathered.put(leaf.key, value, path)
    span.put_new(_derived(document))
    resource.put_new(_derived_of_resource(resource.values))
    _put_metadata(span, document.get("metadata"))
    _put_annotations(span, document.get("annotations"))
    return resource, span


def _mapped(value: Any, table: Table, path: str) -> Iterator[tuple[Leaf, str, Any]]:
    if not isinstance(value, dict):
        yield Leaf(path), path, value
        return
    for key, item in value.items():
        below, entry = f"{path}.{key}", table.get(key)
        if item is None or item == "":
            continue  # some senders write every field, whether it says something or not
        if isinstance(entry, Mapping):
            yield from _mapped(item, entry, below)
        elif entry is not None and (read := entry.read(item)) is not None:
            yield entry, below, read
        else:
            yield Leaf(below), below, item


def _derived(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What other senders tell in an attribute of its own."""
    if document.get("namespace") == "aws":
        yield "rpc.system", "aws-api"
        yield "rpc.service", document["name"]
    if document.get("namespace") == "remote" and (url := text(_at(document, "http", "request", "url"))):
        yield from _server(url)
    if database := text(_at(document, "sql", "database_type")):
        yield "db.system.name", _DATABASES.get(database.lower(), database.lower())
    if url := text(_at(document, "sql", "url")):
        yield from _server(url)
        if (found := _SERVER.match(url)) and found["name"]:
            yield "db.namespace", found["name"]


def _server(url: str) -> Iterator[tuple[str, Any]]:
    if not (found := _SERVER.match(url)):
        return
    yield "server.address", found["host"].strip("[]")
    if found["port"]:
        yield "server.port", int(found["port"])


def _derived_of_resource(resource: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    origin = resource.get(f"{PREFIX}.origin", "")
    for prefix, platform in _PLATFORMS.items():
        if origin.startswith(prefix):
            yield "cloud.provider", "aws"
            yield "cloud.platform", platform
    _, separator, language = resource.get("telemetry.sdk.name", "").partition(" for ")
    if separator:
        yield "telemetry.sdk.language", language.lower()


def _put_metadata(span: Attributes, metadata: Any) -> None:
    """One attribute a namespace, with everything in it, as nested as it was sent."""
    path = f"{PREFIX}.metadata"
    if isinstance(metadata, dict):
        for namespace, value in metadata.items():
            span.put(f"{path}.{namespace}", value, f"{path}.{namespace}")
    elif metadata is not None:
        span.put(path, metadata, path)


def _put_annotations(span: Attributes, annotations: Any) -> None:
    """Each under its own key, as senders look for it, unless the key says something else here."""
    if not isinstance(annotations, dict):
        if annotations is not None:
            span.put(ANNOTATIONS, annotations, ANNOTATIONS)
        return
    for key, value in annotations.items():
        instead = f"{PREFIX}.annotation.{key}"
        span.put(instead if key.startswith(_RESERVED) or not key else key, value, instead)
    if annotations:
        span.put(ANNOTATIONS, list(annotations), f"{PREFIX}.annotation_keys")


def _at(document: Any, *path: str) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    return document
