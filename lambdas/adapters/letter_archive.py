"""The archive of dead letters in S3: each under a key of its own, which is written once.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own, beside HTTPClientError in its tree

from lambdas.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from lambdas.domain.failure import DeadLetter, FailureContext
    from lambdas.domain.identifiers import FailureId

_EXISTS: Final = "PreconditionFailed"
# Of two writes at once S3 lets one go on and asks the other to try again.
_PASSING: Final = frozenset({"ConditionalRequestConflict", "RequestTimeout", "SlowDown", "Throttling"})
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class S3Archive:
    """Satisfies `Archive`. `bucket` locks its objects, `unreadable_bucket` does not."""

    client: Any
    bucket: str
    unreadable_bucket: str

    def keep(self, failure_id: FailureId, letter: DeadLetter, context: FailureContext) -> str:
        """Write `letters/<failure>/<message>.json`: the message, its attributes and how it failed."""
        key = f"letters/{failure_id}/{letter.message_id}.json"
        content = {
            "schema": 1,
            "failure_id": failure_id,
            "message": {
                "message_id": letter.message_id,
                "body": letter.body,
                "sent_at": letter.sent_at,
                "receives": letter.receives,
                "group": letter.group,
            },
            "context": asdict(context),
        }
        body = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
        self._put(self.bucket, key, body, "application/json")
        return key

    def keep_unreadable(self, letter: DeadLetter) -> str:
        """Write `unreadable/<day>/<message>`: the body as it came."""
        key = f"unreadable/{letter.sent_at[:10]}/{letter.message_id}"
        self._put(
            self.unreadable_bucket,
            key,
            letter.body.encode("utf-8", "surrogatepass"),
            "application/octet-stream",
        )
        return key

    def _put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        try:
            self.client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                # Object Lock demands a checksum of what is put.
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except (ConnectionError, HTTPClientError) as error:
            raise StoreUnavailable(type(error).__name__) from error
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
            if code == _EXISTS:
                return
            if code in _PASSING or status >= _SERVER_ERROR:
                raise StoreUnavailable(code) from error
            raise
