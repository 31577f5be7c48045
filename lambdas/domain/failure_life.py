"""How a failure changes: it dies, dies again, ends, or is let go. Pure; each returns the next revision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambdas.domain.commands import REFUND, command_text
from lambdas.domain.failure import (
    MAX_APPLIES,
    UNREADABLE,
    Failure,
    FailureContext,
    FailureState,
    Stake,
)
from lambdas.domain.failure_end import PUBLISHING
from lambdas.domain.identifiers import OrderId, RefundId, unreadable_failure_id_for

if TYPE_CHECKING:
    from lambdas.domain.commands import Command
    from lambdas.domain.failure import DeadLetter
    from lambdas.domain.identifiers import FailureId
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

NO_COMMAND = FailureContext(step=UNREADABLE, error_class="NoCommand")


def stake_of(order: Order | None, refund: Refund | None) -> Stake:
    """Say what is at stake: a refund's own amount, else the order's whole total."""
    if order is None:
        return Stake()
    return Stake(
        currency=order.currency,
        total=refund.amount if refund else order.total,
        status=order.status,
        payment_status=order.payment_status,
        fulfillment_status=order.fulfillment_status,
    )


def died(
    failure_id: FailureId,
    command: Command,
    letter: DeadLetter,
    context: FailureContext,
    stake: Stake,
    archive_key: str,
    at: str,
) -> Failure:
    """Make the failure of a subject's first dead letter; `at` is when that was drained."""
    return Failure(
        failure_id=failure_id,
        order_id=OrderId(command["order_id"]),
        refund_id=RefundId(command["refund_id"]) if command["command"] == REFUND else None,
        body=command_text(command),
        context=context,
        stake=stake,
        first_seen=at,
        last_seen=at,
        last_message_id=letter.message_id,
        archive_key=archive_key,
        group=letter.group,
    )


def unreadable(letter: DeadLetter, archive_key: str, at: str) -> Failure:
    """Make the failure of a letter that names no order; what is in it is not in its record."""
    return Failure(
        failure_id=unreadable_failure_id_for(letter.message_id),
        order_id=None,
        refund_id=None,
        body="",
        context=NO_COMMAND,
        stake=Stake(),
        first_seen=at,
        last_seen=at,
        last_message_id=letter.message_id,
        archive_key=archive_key,
    )


def died_again(before: Failure, fresh: Failure) -> Failure | None:
    """Add another dead letter to a failure; None when it is the letter that it had last.

    One that had ended begins anew. One that comes back after its last apply is set aside, and stays so.
    """
    if before.last_message_id == fresh.last_message_id:
        return None
    begins_anew = before.state in {FailureState.RESOLVED, FailureState.DISCARDED}
    applies = 0 if begins_anew else before.applies
    state = FailureState.OPEN
    if before.state is FailureState.QUARANTINED or applies >= MAX_APPLIES:
        state = FailureState.QUARANTINED
    return replace(
        fresh,
        # What was not published still is not, whatever else failed since.
        context=before.context if _publishes(before) and not _publishes(fresh) else fresh.context,
        state=state,
        first_seen=before.first_seen,
        letters=before.letters + 1,
        applies=applies,
        plan_id=before.plan_id,
        replayed_at=before.replayed_at,
        revision=before.revision + 1,
    )


def resolved(failure: Failure) -> Failure:
    """Its subject has ended."""
    return replace(failure, state=FailureState.RESOLVED, revision=failure.revision + 1)


def let_go(failure: Failure) -> Failure:
    """Its replay stayed without an outcome: it waits to be looked at again."""
    return replace(failure, state=FailureState.OPEN, revision=failure.revision + 1)


def _publishes(failure: Failure) -> bool:
    return failure.waiting and failure.context.step in PUBLISHING
