"""Every way to change what is booked or sealed, or to weaken what keeps it, tried with every role.

By evaluation of the synthesised policies, because production's deny more than an engine that is thrown away
can: see `policies`. What the embedded engine evaluates is tried there too: tests/e2e/test_protection.py.
An operation that AWS adds fails the test until somebody says here what it may do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import botocore.session
import pytest

from tests.stacks.attempts import (
    BUCKET,
    ENCLOSING,
    FILES,
    HARMLESS_TO_FILES,
    HARMLESS_TO_KEY,
    HARMLESS_TO_LEDGER,
    KEY,
    LEDGER,
    OVERWRITING,
    on_the_bucket,
    on_the_files,
    on_the_key,
    on_the_ledger,
)
from tests.stacks.policies import EVERYTHING, Attempt, Caller, Statement, allowed, resource_policy, role
from tests.stacks.test_storage import DEPLOYMENT_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.stacks.templates import Assembly

ADMINISTRATOR: Final = Caller("administrator", [EVERYTHING])
DEPLOYMENT: Final = Caller(DEPLOYMENT_ROLE, [EVERYTHING])


def changing(service: str) -> set[str]:
    """The operations of a service that do not read by their names."""
    names = botocore.session.get_session().get_service_model(service).operation_names
    return {name for name in names if not name.startswith(("Describe", "Get", "Head", "List"))}


@pytest.mark.parametrize(
    ("service", "tried", "harmless"),
    [
        ("dynamodb", set(LEDGER), HARMLESS_TO_LEDGER),
        ("s3", {*FILES, *BUCKET}, HARMLESS_TO_FILES),
        ("kms", set(KEY), HARMLESS_TO_KEY),
    ],
)
def test_every_operation_is_tried_or_known_to_do_no_harm(
    service: str, tried: set[str], harmless: frozenset[str]
) -> None:
    assert tried | harmless == changing(service)
    assert not tried & harmless


def everybody(assembly: Assembly) -> list[Caller]:
    """The roles of the templates, and who may do everything."""
    return [*(role(assembly, name) for name in assembly.resources("AWS::IAM::Role")), ADMINISTRATOR]


def who_may(assembly: Assembly, resource: str, attempts: Mapping[str, Attempt]) -> dict[str, set[str]]:
    """What succeeds, by the callers; the deployment role's beside it."""
    own = resource_policy(assembly, resource)
    callers = [*everybody(assembly), DEPLOYMENT]
    found = {
        caller.arn: {name for name, attempt in attempts.items() if allowed(caller, attempt, own)}
        for caller in callers
    }
    return {arn: names for arn, names in found.items() if names}


STRICT: Final = pytest.mark.parametrize("environment", ["prod", "staging"])


@STRICT
def test_nobody_changes_an_entry_or_weakens_the_ledgers_table(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    """An administrator may still append, which the sealed log and the orders tell of."""
    inserting = {f"PartiQLInsert in {o}" for o in ("ExecuteStatement", "BatchExecuteStatement")}
    in_transaction = {"PartiQLInsert in ExecuteTransaction"}
    assert who_may(assemblies[environment], "Ledger", on_the_ledger()) == {
        "PaymentRole": in_transaction,
        "administrator": inserting | in_transaction,
        DEPLOYMENT_ROLE: inserting
        | in_transaction
        | {"UpdateTable", "PutResourcePolicy", "DeleteResourcePolicy", "UpdateContinuousBackups"},
    }


@STRICT
def test_only_the_sealer_adds_a_file_and_nobody_changes_one(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    attempts = on_the_files()
    adding = {name for name, a in attempts.items() if a.action == "s3:PutObject" and a.keys}
    assert who_may(assemblies[environment], "LogBucket", attempts) == {"SealRole": adding}


@STRICT
def test_only_deployment_changes_the_logs_bucket(assemblies: dict[str, Assembly], environment: str) -> None:
    attempts = on_the_bucket()
    assert who_may(assemblies[environment], "LogBucket", attempts) == {DEPLOYMENT_ROLE: set(attempts)}


@STRICT
def test_only_the_sealer_signs_and_nobody_ends_the_key(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    assert who_may(assemblies[environment], "LogKey", on_the_key()) == {
        "SealRole": {"Sign"},
        DEPLOYMENT_ROLE: {"PutKeyPolicy", "CreateGrant", "ReplicateKey", "UpdatePrimaryRegion"},
    }


def test_writer_sealer_and_auditor_are_roles_apart(prod: Assembly) -> None:
    """Who books does not seal, who seals does not book, and an auditor reads all of it and does neither."""
    books = Attempt("dynamodb:PartiQLInsert", "Ledger", {ENCLOSING: "ExecuteTransaction"})
    adds = Attempt("s3:PutObject", "LogBucket/checkpoints/1", {OVERWRITING: "*"})
    notes = Attempt("dynamodb:PutItem", "LogTable")
    signs = Attempt("kms:Sign", "LogKey")
    own: dict[str, list[Statement]] = {"LogTable": []} | {
        name: resource_policy(prod, name) for name in ("Ledger", "LogBucket", "LogKey")
    }
    may = {
        name: {
            attempt.action
            for attempt in (books, adds, notes, signs)
            if allowed(role(prod, name), attempt, own[attempt.on.partition("/")[0]])
        }
        for name in prod.resources("AWS::IAM::Role")
    }
    assert {name: actions for name, actions in may.items() if actions} == {
        "PaymentRole": {"dynamodb:PartiQLInsert"},
        "SealRole": {"s3:PutObject", "dynamodb:PutItem", "kms:Sign"},
    }
    reading = [
        Attempt("dynamodb:Query", "Ledger/index/by_period"),
        Attempt("s3:GetObject", "LogBucket/checkpoints/1"),
        Attempt("kms:GetPublicKey", "LogKey"),
    ]
    auditor = role(prod, "AuditorRole")
    assert all(allowed(auditor, attempt, own[attempt.on.partition("/")[0]]) for attempt in reading)
