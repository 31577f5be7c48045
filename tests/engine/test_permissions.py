"""Who may do what (shims `partiql_permission`, `table_policy`, `secure_transport`)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.cloud import Cloud, allow, table_arn

pytestmark = pytest.mark.engine

ONLY_IN_TRANSACTIONS = {"StringEquals": {"dynamodb:EnclosingOperation": "ExecuteTransaction"}}


def insert(table: str, key: str = "1") -> str:
    return f"INSERT INTO \"{table}\" VALUE {{'id': '{key}'}}"


def in_transaction(cloud: Cloud, *statements: str) -> None:
    cloud.dynamodb.execute_transaction(
        TransactStatements=[{"Statement": statement} for statement in statements]
    )


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    """The code with which a call is refused; "" when it is not."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.fixture
def writer(mended: Cloud) -> tuple[Cloud, str]:
    """A user who may insert into one table, inside transactions only."""
    table = mended.table()
    statement = allow("dynamodb:PartiQLInsert", table_arn(table), **ONLY_IN_TRANSACTIONS)
    return mended.user(statement), table


def test_an_insert_in_a_transaction_needs_only_its_own_permission(
    mended: Cloud, writer: tuple[Cloud, str]
) -> None:
    user, table = writer
    in_transaction(user, insert(table))
    assert "Item" in mended.dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})


def test_the_condition_refuses_an_insert_outside_a_transaction(writer: tuple[Cloud, str]) -> None:
    user, table = writer
    call = user.dynamodb.execute_statement
    assert refusal(call, Statement=insert(table)) == "AccessDeniedException"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE \"{}\" SET x = 1 WHERE id = '1'",
        "DELETE FROM \"{}\" WHERE id = '1'",
        "SELECT * FROM \"{}\" WHERE id = '1'",
        "EXISTS(SELECT * FROM \"{}\" WHERE id = '1' AND x = 1)",
    ],
)
def test_every_statement_of_a_transaction_is_checked(writer: tuple[Cloud, str], statement: str) -> None:
    user, table = writer
    call = (in_transaction, user, insert(table), statement.format(table))
    assert refusal(*call) == "AccessDeniedException"


def test_another_table_is_refused(mended: Cloud, writer: tuple[Cloud, str]) -> None:
    user, _ = writer
    assert refusal(in_transaction, user, insert(mended.table())) == "AccessDeniedException"


def test_the_installed_engine_asks_for_an_action_that_does_not_exist(unmended: Cloud) -> None:
    table = unmended.table()
    user = unmended.user(allow("dynamodb:PartiQL*", table_arn(table)))
    assert refusal(in_transaction, user, insert(table)) == "AccessDeniedException"


def put_in_transaction(cloud: Cloud, table: str) -> None:
    cloud.dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": {"id": {"S": "1"}}}}]
    )


def test_transact_write_items_needs_the_permission_of_each_item(mended: Cloud) -> None:
    """Needs no shim."""
    table = mended.table()
    may = mended.user(allow("dynamodb:PutItem", table_arn(table)))
    may_not = mended.user(allow("dynamodb:UpdateItem", table_arn(table)))
    assert refusal(put_in_transaction, may, table) == ""
    assert refusal(put_in_transaction, may_not, table) == "AccessDeniedException"


def set_policy(cloud: Cloud, table: str, **statement: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Resource": "*", **statement}]}
    cloud.dynamodb.put_resource_policy(ResourceArn=table_arn(table), Policy=json.dumps(policy))


def put(cloud: Cloud, table: str) -> str:
    return refusal(cloud.dynamodb.put_item, TableName=table, Item={"id": {"S": "1"}})


def test_a_tables_policy_denies_what_the_callers_allows(mended: Cloud) -> None:
    table = mended.table()
    user = mended.user(allow("dynamodb:*"))
    set_policy(mended, table, Effect="Deny", Principal="*", Action="dynamodb:PutItem")
    assert put(user, table) == "AccessDeniedException"
    assert refusal(put_in_transaction, user, table) == "AccessDeniedException"
    assert refusal(user.dynamodb.scan, TableName=table) == ""


def test_a_tables_policy_denies_root_too_but_root_can_change_it(mended: Cloud) -> None:
    table = mended.table()
    set_policy(mended, table, Effect="Deny", Principal="*", Action="dynamodb:*")
    assert put(mended, table) == "AccessDeniedException"
    mended.dynamodb.delete_resource_policy(ResourceArn=table_arn(table))
    assert put(mended, table) == ""


def test_a_tables_policy_allows_a_caller_it_names(mended: Cloud) -> None:
    table = mended.table()
    user = mended.user(allow("sqs:*"))
    arn = mended.iam.list_users()["Users"][-1]["Arn"]
    assert put(user, table) == "AccessDeniedException"
    set_policy(mended, table, Effect="Allow", Principal={"AWS": arn}, Action="dynamodb:PutItem")
    assert put(user, table) == ""


def test_the_installed_engine_evaluates_no_tables_policy(unmended: Cloud) -> None:
    table = unmended.table()
    user = unmended.user(allow("dynamodb:*"))
    set_policy(unmended, table, Effect="Deny", Principal="*", Action="dynamodb:PutItem")
    assert put(user, table) == ""


def send_to_tls_only_queue(cloud: Cloud) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    queue = cloud.queue(Policy=json.dumps(policy))
    return refusal(cloud.queues.send_message, QueueUrl=queue, MessageBody="x")


def test_a_queue_that_asks_for_tls_can_be_used(mended: Cloud) -> None:
    assert send_to_tls_only_queue(mended) == ""


def test_the_installed_engine_refuses_it_to_everybody(unmended: Cloud) -> None:
    assert send_to_tls_only_queue(unmended) == "AccessDenied"
