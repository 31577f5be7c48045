"""The sealed log's files in S3: each written once, in a bucket that keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.failures import error_code, store_errors
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.sealing import LogForked

if TYPE_CHECKING:
    from collections.abc import Iterator

# 412 when there is one; 409 when another request for the same key was under way, which may be tried again:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_THERE: Final = "PreconditionFailed"
_AT_ONCE: Final = "ConditionalRequestConflict"
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class S3LogStore:
    """Files by path; `client` is botocore's."""

    client: Any
    bucket: str

    def read(self, path: str) -> bytes:
        """Return a file; raises KeyError when there is none."""
        try:
            with store_errors():
                answer = self.client.get_object(Bucket=self.bucket, Key=path)
                data: bytes = answer["Body"].read()
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            raise KeyError(path) from error
        return data

    def create(self, path: str, data: bytes) -> None:
        """Write a file unless there is one. Raises LogForked when that has another content."""
        for _ in range(_TRIES):
            try:
                with store_errors():
                    self.client.put_object(
                        Bucket=self.bucket,
                        Key=path,
                        Body=data,
                        IfNoneMatch="*",
                        ContentType=_content_type(path),
                    )
            except ClientError as error:
                if error_code(error) == _AT_ONCE:
                    continue
                if error_code(error) != _THERE:
                    raise
                if self.read(path) != data:
                    raise LogForked(f"{path} is there already, with another content") from error
            return
        raise StoreUnavailable(f"{path} is being written by others")

    def paths(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yield the paths under a prefix that come after `after`, in their order."""
        query: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix, "StartAfter": after}
        while True:
            with store_errors():
                answer = self.client.list_objects_v2(**query)
            yield from (found["Key"] for found in answer.get("Contents", []))
            if "NextContinuationToken" not in answer:
                return
            query["ContinuationToken"] = answer["NextContinuationToken"]


def _content_type(path: str) -> str:
    return "application/octet-stream" if path.startswith("tile/") else "text/plain; charset=utf-8"
