"""PartiQL's INSERT over moto, which has none without a parser that this project does not install.

What DynamoDB itself answers is tried on AWS's DynamoDB Local and on the embedded engine (tests/engines).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.failures import CONDITION_FAILED, error_code
from tests.adapters.recording import client_error

if TYPE_CHECKING:
    from collections.abc import Sequence

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
_INSERT: Final = re.compile(r"INSERT INTO \"(\w+)\" VALUE \{('\w+': \?(?:, '\w+': \?)*)\}")


@dataclass(frozen=True)
class InsertingClient:
    """A client whose INSERT is a Put that writes over nothing; everything else goes to `client`."""

    client: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def execute_statement(self, *, Statement: str, Parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        parsed = _INSERT.fullmatch(Statement)
        assert parsed, Statement
        names = re.findall(r"'(\w+)'", parsed[2])
        try:
            self.client.put_item(
                TableName=parsed[1],
                Item=dict(zip(names, Parameters, strict=True)),
                ConditionExpression="attribute_not_exists(at_id)",
            )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            raise client_error("ExecuteStatement", "DuplicateItemException") from error
        return {"Items": []}
