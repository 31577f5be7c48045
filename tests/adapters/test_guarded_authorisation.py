"""Powertools' idempotency around the authorisation, with moto's DynamoDB as its table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from lambdas.adapters.clients import make_client
from lambdas.domain.errors import ClaimLost, OrderBusy, OrderCorrupt, PaymentOutcomeUnknown, StoreUnavailable
from lambdas.domain.order import Line, Status
from lambdas.payment.once import EXPIRES_SECONDS, KEY_PREFIX, GuardedAuthorisation, make_guard
from lambdas.services.step_result import Outcome, StepResult, went_on
from tests.adapters.endpoints import refusing_port
from tests.adapters.examples import CLAIM, an_order
from tests.adapters.tables import IDEMPOTENCY

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore
    from lambdas.services.authorise_payment import AuthorisePayment

ORDER = replace(an_order(), claim=CLAIM, status=Status.PROCESSING)
DAY_SECONDS = 24 * 3600


@dataclass
class Context:
    """Of a Lambda invocation with eight seconds left."""

    function_name: str = "payment"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 8000


@dataclass
class OneOrder:
    """A store of one order."""

    order: Order

    def get(self, _order_id: OrderId) -> Order:
        return self.order


@dataclass
class Authorise:
    """The use case, which does what the test lists, call by call."""

    answers: list[StepResult | Exception] = field(default_factory=list)
    calls: int = 0

    def __call__(self, _order: Order, _claim: str) -> StepResult:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else went_on(Outcome.AUTHORIZED)
        if isinstance(answer, Exception):
            raise answer
        return answer


def guarded(client: Any, authorise: Authorise, order: Order = ORDER) -> GuardedAuthorisation:
    """As another cold start would put it together."""
    guard = make_guard(IDEMPOTENCY, client)
    store, use_case = cast("OrderStore", OneOrder(order)), cast("AuthorisePayment", authorise)
    return GuardedAuthorisation(store, use_case, guard)


def run(client: Any, authorise: Authorise, order: Order = ORDER) -> StepResult:
    return guarded(client, authorise, order)(order.order_id, CLAIM, cast("Any", Context()))


def records(client: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.scan(TableName=IDEMPOTENCY)["Items"]
    return items


def test_an_outcome_is_cached_over_invocations_and_cold_starts(dynamodb: Any) -> None:
    authorise = Authorise()
    assert run(dynamodb, authorise) == run(dynamodb, authorise) == went_on(Outcome.AUTHORIZED)
    assert authorise.calls == 1
    (record,) = records(dynamodb)
    assert json.loads(record["data"]["S"]) == {"outcome": "authorized"}


@pytest.mark.parametrize("failure", [PaymentOutcomeUnknown("?"), ClaimLost("gone"), ValueError("a bug")])
def test_an_exception_is_not_cached_and_the_next_try_asks_again(dynamodb: Any, failure: Exception) -> None:
    authorise = Authorise([failure])
    with pytest.raises(type(failure)):
        run(dynamodb, authorise)
    assert records(dynamodb) == []
    assert run(dynamodb, authorise) == went_on(Outcome.AUTHORIZED)
    assert authorise.calls == 2


def test_an_outcome_that_waits_for_a_person_is_not_cached(dynamodb: Any) -> None:
    """An operator replays the order: the step has to look again, or the order stays `processing` for ever."""
    waits = {"outcome": Outcome.ATTENTION_REQUIRED, "event": {}}
    authorise = Authorise([waits])
    assert run(dynamodb, authorise)["outcome"] == Outcome.ATTENTION_REQUIRED
    assert run(dynamodb, authorise) == went_on(Outcome.AUTHORIZED)


def test_a_step_that_another_copy_is_running_is_busy(dynamodb: Any) -> None:
    inner = Authorise()

    class Nested(Authorise):
        def __call__(self, order: Order, claim: str) -> StepResult:
            with pytest.raises(OrderBusy):
                run(dynamodb, inner)
            return super().__call__(order, claim)

    assert run(dynamodb, Nested()) == went_on(Outcome.AUTHORIZED)
    assert inner.calls == 0


def test_a_copy_that_died_is_busy_no_longer_than_its_function_could_run(dynamodb: Any) -> None:
    """`register_lambda_context`: without it a dead copy would lock the order for twenty days."""
    deadlines = []

    class Looks(Authorise):
        def __call__(self, order: Order, claim: str) -> StepResult:
            (record,) = records(dynamodb)
            deadlines.append(int(record["in_progress_expiration"]["N"]) / 1000)
            return super().__call__(order, claim)

    started = datetime.now(UTC).timestamp()
    run(dynamodb, Looks())
    assert 0 < deadlines[0] - started < 10


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, currency="EUR"),
        replace(ORDER, total=1),
        replace(ORDER, payment_method="pm_card_mastercard"),
    ],
    ids=["currency", "total", "payment method"],
)
def test_other_facts_under_the_same_order_fail_clearly_and_reach_no_provider(
    dynamodb: Any, changed: Order
) -> None:
    run(dynamodb, Authorise())
    authorise = Authorise()
    with pytest.raises(OrderCorrupt):
        run(dynamodb, authorise, changed)
    assert authorise.calls == 0


def test_facts_that_change_on_the_way_are_not_part_of_the_key(dynamodb: Any) -> None:
    run(dynamodb, Authorise())
    authorise = Authorise()
    later = replace(ORDER, revision=9, claim_until=5)
    assert run(dynamodb, authorise, later) == went_on(Outcome.AUTHORIZED)
    assert authorise.calls == 0


def test_a_payment_that_exists_is_looked_at_and_not_believed_from_the_cache(dynamodb: Any) -> None:
    run(dynamodb, Authorise())
    authorise = Authorise()
    run(dynamodb, authorise, replace(ORDER, payment_intent="pi_1"))
    assert authorise.calls == 1


def test_the_key_is_the_same_whatever_the_function_is_called(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen: another key would forget every payment that is on its way."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "renamed-in-the-next-release")
    run(dynamodb, Authorise())
    (record,) = records(dynamodb)
    assert record["id"]["S"] == f"{KEY_PREFIX}#1b430d6e649dc0cef813be9f456a2024"


def test_a_record_lives_for_twenty_days(dynamodb: Any) -> None:
    before = datetime.now(UTC).timestamp()
    run(dynamodb, Authorise())
    (record,) = records(dynamodb)
    assert EXPIRES_SECONDS == 20 * DAY_SECONDS
    assert abs(int(record["expiration"]["N"]) - before - 20 * DAY_SECONDS) < 60


def test_a_record_holds_no_payment_method(dynamodb: Any) -> None:
    run(dynamodb, Authorise())
    assert ORDER.payment_method is not None
    assert ORDER.payment_method not in json.dumps(records(dynamodb))


def test_an_order_without_a_payment_is_not_looked_up(dynamodb: Any) -> None:
    free = replace(an_order(lines=(Line("gift", 1, 0),), payment_method=None), claim=CLAIM)
    assert run(dynamodb, Authorise(), free) == went_on(Outcome.AUTHORIZED)
    assert records(dynamodb) == []


def test_an_order_that_has_ended_answers_so(dynamodb: Any) -> None:
    authorise = Authorise()
    ended = replace(ORDER, status=Status.COMPLETED, claim=None)
    assert run(dynamodb, authorise, ended)["outcome"] == Outcome.ALREADY_ENDED
    assert (authorise.calls, records(dynamodb)) == (0, [])


def test_a_lost_claim_reaches_neither_table_nor_provider(dynamodb: Any) -> None:
    authorise = Authorise()
    with pytest.raises(ClaimLost):
        run(dynamodb, authorise, replace(ORDER, claim="another"))
    assert (authorise.calls, records(dynamodb)) == (0, [])


def test_a_table_that_does_not_answer_is_an_unavailable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{refusing_port()}")
    authorise = Authorise()
    with pytest.raises(StoreUnavailable):
        run(make_client("dynamodb", attempts=1), authorise)
    assert authorise.calls == 0
