"""Closing a month: when it may be, what is written, and that it is written once."""

from __future__ import annotations

import json

import pytest

from lambdas.domain.sealing import PeriodRefused, month_end
from lambdas.domain.signed_note import Checkpoint, NoteInvalid, open_note
from lambdas.domain.timestamps import from_text, to_text
from orders.ledger.verifier.verify import ed25519_verify
from tests.fakes.sealed_log import ORIGIN, Log, a_log, booked

OCTOBER = "2026-10"


def a_month(*sealed_at: str) -> Log:
    log = a_log([booked(1, "2026-10-31T23:59:59.999Z"), booked(2, "2026-11-01T00:00:00.000Z")])
    for at in sealed_at:
        log.seal_at(at)
    return log


@pytest.mark.parametrize(
    ("month", "end"),
    [("2026-10", "2026-11-01T00:00:00.000Z"), ("2026-12", "2027-01-01T00:00:00.000Z")],
)
def test_a_month_ends_where_the_next_begins(month: str, end: str) -> None:
    assert to_text(month_end(month)) == end


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "2026", "october", "2026-10-01", ""])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(PeriodRefused, match="no month"):
        a_month().close(month, "finance")


@pytest.mark.parametrize("now", ["2026-10-31T12:00:00.000Z", "2026-11-01T00:29:59.999Z"])
def test_a_month_is_not_closed_before_its_end_and_grace(now: str) -> None:
    log = a_month()
    log.seal_at(now)
    with pytest.raises(PeriodRefused, match=r"can be closed from 2026-11-01T00:30:00\.000Z on"):
        log.close(OCTOBER, "finance")


def test_a_month_that_is_not_sealed_to_its_end_is_not_closed() -> None:
    log = a_month("2026-11-01T00:10:00.000Z")
    log.clock.moment = from_text("2026-11-02T00:00:00.000Z")
    with pytest.raises(PeriodRefused, match="not sealed to its end"):
        log.close(OCTOBER, "finance")


def test_the_record_has_totals_root_and_actor_under_the_logs_key() -> None:
    log = a_month("2026-11-01T00:30:00.000Z")
    note = log.close(OCTOBER, "finance")
    text = open_note(note, log.signer.verifier_key, ed25519_verify)
    header, record = text.splitlines()
    assert header == f"{ORIGIN}/closed"
    last = log.batches.last()
    assert last is not None
    assert json.loads(record) == {
        "period": OCTOBER,
        "entries": 1,
        "balances": [["Assets:Receivable:Stripe", "GBP", 100, 0], ["Income:Sales", "GBP", 0, 100]],
        "size": 2,
        "root": last.root.hex(),
        "closed_at": "2026-11-01T00:30:00.000Z",
        "actor": "finance",
    }


def test_the_record_can_never_be_taken_for_a_checkpoint() -> None:
    log = a_month("2026-11-01T00:30:00.000Z")
    text = open_note(log.close(OCTOBER, "finance"), log.signer.verifier_key, ed25519_verify)
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_a_month_is_closed_once() -> None:
    log = a_month("2026-11-01T00:30:00.000Z")
    first = log.close(OCTOBER, "finance")
    log.clock.advance(86_400)
    assert log.close(OCTOBER, "somebody else") == first


def test_a_month_without_entries_is_closed_with_none() -> None:
    log = a_log([booked(2, "2026-11-05T00:00:00.000Z")])
    log.seal_at("2026-11-06T00:00:00.000Z")
    record = log.close(OCTOBER, "finance").decode().splitlines()[1]
    assert (json.loads(record)["entries"], json.loads(record)["balances"]) == (0, [])


def test_a_closed_month_is_not_carried_on() -> None:
    log = a_month("2026-11-01T00:30:00.000Z")
    log.close(OCTOBER, "finance")
    log.ledger.add(booked(3, "2026-11-01T01:00:00.000Z"))
    log.seal_at("2026-11-01T02:00:00.000Z")
    last = log.batches.last()
    assert last is not None
    assert [totals.month for totals in last.totals] == ["2026-11"]
