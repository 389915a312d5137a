"""Amazon S3 (semantic conventions, "AWS S3")."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

SENDS: frozenset[str] = frozenset()
_WRITES = frozenset(
    (
        "PutObject",
        "CopyObject",
        "CompleteMultipartUpload",
        "DeleteObject",
        "DeleteObjects",
        "RestoreObject",
        "PutObjectAcl",
        "PutObjectTagging",
        "DeleteObjectTagging",
    )
)
"""Operations of which S3 can notify somebody (user guide, "Supported event types")."""


def described(operation: str, parameters: Parameters) -> Attributes:
    source = parameters.get("CopySource")
    return {
        "aws.s3.bucket": parameters.get("Bucket"),
        "aws.s3.key": parameters.get("Key"),
        "aws.s3.upload_id": parameters.get("UploadId"),
        "aws.s3.part_number": parameters.get("PartNumber"),
        "aws.s3.copy_source": f"{source.get('Bucket')}/{source.get('Key')}"
        if isinstance(source, dict)
        else source,
    }


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    return parameters  # what an object's metadata says is the owner's, and its events do not have them


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    """The request's id, and the object with its ETag. An access point's name is not the bucket's: it gives only the former."""
    if operation not in _WRITES:
        return []
    request_id = answer["ResponseMetadata"].get("RequestId")  # which not everything that stands for S3 tells
    keys = [f"s3req:{request_id}"] if request_id else []
    etag = str((answer.get("CopyObjectResult") or answer).get("ETag") or "").strip('"')
    bucket = str(parameters.get("Bucket"))
    if etag and not bucket.startswith("arn:"):
        keys.append(f"s3obj:{bucket}/{parameters['Key']}#{etag}")
    return keys
