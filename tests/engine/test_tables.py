"""Transactions and concurrency of tables (shims `partiql_transaction`, `table_lock`)."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.engine.cloud import Cloud

pytestmark = pytest.mark.engine


def transaction(cloud: Cloud, *statements: str, **settings: Any) -> list[str]:
    """Run statements; returns the reasons' codes, none when it was not cancelled."""
    try:
        cloud.dynamodb.execute_transaction(
            TransactStatements=[{"Statement": statement} for statement in statements], **settings
        )
    except cloud.dynamodb.exceptions.TransactionCanceledException as error:
        return [reason["Code"] for reason in error.response["CancellationReasons"]]
    return []


def item(cloud: Cloud, table: str, key: str) -> dict[str, Any] | None:
    answer = cloud.dynamodb.get_item(TableName=table, Key={"id": {"S": key}})
    found: dict[str, Any] | None = answer.get("Item")
    return found


def insert(table: str, key: str) -> str:
    return f"INSERT INTO \"{table}\" VALUE {{'id': '{key}'}}"


def book(order: str, entry: str) -> tuple[str, str]:
    return (
        f"UPDATE \"{order}\" SET n = n + 1 WHERE id = '1' AND n < 2",
        insert(entry, "entry"),
    )


@pytest.fixture
def tables(mended: Cloud) -> tuple[str, str]:
    """A table with the item `1`, whose `n` is 1, and an empty one."""
    orders, ledger = mended.table(), mended.table()
    mended.dynamodb.put_item(TableName=orders, Item={"id": {"S": "1"}, "n": {"N": "1"}})
    return orders, ledger


def test_a_transaction_does_all(mended: Cloud, tables: tuple[str, str]) -> None:
    orders, ledger = tables
    assert transaction(mended, *book(orders, ledger)) == []
    assert item(mended, orders, "1") == {"id": {"S": "1"}, "n": {"N": "2"}}
    assert item(mended, ledger, "entry") == {"id": {"S": "entry"}}


def test_a_duplicate_insert_cancels_all(mended: Cloud, tables: tuple[str, str]) -> None:
    orders, ledger = tables
    mended.dynamodb.put_item(TableName=ledger, Item={"id": {"S": "entry"}, "mine": {"S": "kept"}})
    assert transaction(mended, *book(orders, ledger)) == ["None", "DuplicateItem"]
    assert item(mended, orders, "1") == {"id": {"S": "1"}, "n": {"N": "1"}}
    assert item(mended, ledger, "entry") == {"id": {"S": "entry"}, "mine": {"S": "kept"}}


def test_a_failed_condition_cancels_all(mended: Cloud, tables: tuple[str, str]) -> None:
    orders, ledger = tables
    mended.dynamodb.put_item(TableName=orders, Item={"id": {"S": "1"}, "n": {"N": "5"}})
    assert transaction(mended, *book(orders, ledger)) == ["ConditionalCheckFailed", "None"]
    assert item(mended, ledger, "entry") is None


def test_an_index_follows_a_transaction(mended: Cloud) -> None:
    table = indexed_table(mended)
    values = "{'id': '1', 'sort': 'a', 'open': 'yes'}"
    assert transaction(mended, f'INSERT INTO "{table}" VALUE {values}') == []
    assert count_open(mended, table) == 1
    close = f"UPDATE \"{table}\" REMOVE open WHERE id = '1' AND sort = 'a'"
    assert transaction(mended, close) == []
    assert count_open(mended, table) == 0


def test_a_token_makes_a_transaction_happen_once(mended: Cloud, tables: tuple[str, str]) -> None:
    orders, _ = tables
    add = f"UPDATE \"{orders}\" SET n = n + 1 WHERE id = '1'"
    for _ in range(2):
        assert transaction(mended, add, ClientRequestToken="once") == []
    found = item(mended, orders, "1")
    assert found is not None
    assert found["n"] == {"N": "2"}
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        transaction(mended, add + " AND n > 0", ClientRequestToken="once")


def test_the_installed_engine_names_the_reasons_differently(unmended: Cloud) -> None:
    table = unmended.table()
    assert transaction(unmended, insert(table, "1")) == []
    assert transaction(unmended, insert(table, "1")) == ["DuplicateItemException"]


def test_transact_write_items_is_all_or_nothing(mended: Cloud, tables: tuple[str, str]) -> None:
    """Needs no shim."""
    orders, ledger = tables
    put = {"TableName": ledger, "Item": {"id": {"S": "entry"}}}
    again = {
        "TableName": orders,
        "Item": {"id": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    with pytest.raises(ClientError, match=r"\[None, ConditionalCheckFailed\]"):
        mended.dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Put": again}])
    assert item(mended, ledger, "entry") is None


def fill(cloud: Cloud, table: str, items: int) -> None:
    for start in range(0, items, 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": f"fill-{n}"}, "v": {"L": [{"S": "x"}] * 20}}}}
            for n in range(start, start + 25)
        ]
        cloud.dynamodb.batch_write_item(RequestItems={table: puts})


def cost_of_a_full_table(cloud: Cloud) -> float:
    """How many times longer a transaction takes on 2,500 items than on none."""
    empty, full = cloud.table(), cloud.table()
    fill(cloud, full, 2500)

    def seconds(table: str, key: int) -> float:
        started = time.perf_counter()
        transaction(cloud, insert(table, str(key)))
        return time.perf_counter() - started

    return min(seconds(full, key) for key in range(5)) / min(seconds(empty, key) for key in range(5))


def test_a_transaction_costs_the_same_on_a_full_table(mended: Cloud) -> None:
    assert cost_of_a_full_table(mended) < 5


def test_in_the_installed_engine_its_cost_grows_with_the_table(unmended: Cloud) -> None:
    assert cost_of_a_full_table(unmended) > 5


def indexed_table(cloud: Cloud) -> str:
    index = {
        "IndexName": "open",
        "KeySchema": [
            {"AttributeName": "open", "KeyType": "HASH"},
            {"AttributeName": "sort", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    names = ("id", "sort", "open")
    return cloud.table(
        sort_key="sort",
        GlobalSecondaryIndexes=[index],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
    )


def count_open(cloud: Cloud, table: str) -> int:
    answer = cloud.dynamodb.query(
        TableName=table,
        IndexName="open",
        KeyConditionExpression="#o = :yes",
        ExpressionAttributeNames={"#o": "open"},
        ExpressionAttributeValues={":yes": {"S": "yes"}},
        Select="COUNT",
    )
    return int(answer["Count"])


HOLD_THE_LOCK = """
import sys, threading
from ministack.services import dynamodb
if sys.argv[1] == "mended":
    from orders.local.engine.shims import table_lock
    table_lock.apply()
query = threading.Thread(target=dynamodb._query, args=[{"TableName": "none"}], daemon=True)
with dynamodb._lock:  # as the engine's own threads do while they change tables
    query.start()
    query.join(0.5)
    print("waits" if query.is_alive() else "does not wait")
"""


def query_beside_a_change(engine: str) -> str:
    command = [sys.executable, "-c", HOLD_THE_LOCK, engine]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_query_waits_for_a_change_of_the_tables() -> None:
    assert query_beside_a_change("mended") == "waits"


def test_in_the_installed_engine_it_does_not_wait() -> None:
    assert query_beside_a_change("unmended") == "does not wait"


def test_queries_do_not_fail_beside_the_writes_of_workflows(mended: Cloud) -> None:
    """Workflows write on threads of the engine's own, beside its HTTP requests."""
    table = indexed_table(mended)
    item = {"id": {"S.$": "States.UUID()"}, "sort": {"S": "a"}, "open": {"S": "yes"}}
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {"TableName": table, "Item": item},
        "ResultPath": None,
    }
    states = {f"S{n}": {**put, "Next": f"S{n + 1}"} for n in range(60)}
    machine = mended.machine(states | {"S60": {"Type": "Succeed"}})
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(mended.run, machine) for _ in range(9)]
        while not all(run.done() for run in runs):
            count_open(mended, table)
    assert [run.result()["status"] for run in runs] == ["SUCCEEDED"] * 9
    assert count_open(mended, table) == 9 * 60
