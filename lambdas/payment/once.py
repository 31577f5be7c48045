"""Powertools' idempotency around the authorisation: a lock and a cache beside the order's own state.

What makes an authorisation happen once is the payment's id on the order's head; this layer saves the
provider's calls when a step is run again, and keeps two copies of one step apart within an invocation's time.
It deletes its record on any exception, so an outcome that is not known is never cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from lambdas.domain.errors import OrderBusy, OrderCorrupt, StoreUnavailable
from lambdas.services.claimed_order import load_claimed
from lambdas.services.step_result import Outcome, StepResult, ended

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore
    from lambdas.services.authorise_payment import AuthorisePayment

# Longer than a message can come back by itself: 4 days on the queue and 14 on the dead-letter queue.
EXPIRES_SECONDS: Final = 20 * 24 * 3600
# Explicit, because the default is the function's qualified name and a rename would forget every payment.
# Powertools appends `#` and the hash of the key.
KEY_PREFIX: Final = "payment.authorise"


class _NotForTheCache(Exception):
    """Carries an outcome past Powertools, which forgets its record on any exception.

    An order that waits for a person is replayed later, and has to be looked at anew then.
    """

    def __init__(self, result: StepResult) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class Guard:
    """Where records are kept and how."""

    layer: DynamoDBPersistenceLayer
    config: IdempotencyConfig


def make_guard(table: str, client: Any) -> Guard:  # noqa: ANN401 - botocore makes its client classes at run time
    """Create the guard over a table whose key is `id` and whose TTL attribute is `expiration`."""
    layer = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)
    config = IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="[currency, total, payment_method]",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=EXPIRES_SECONDS,
    )
    return Guard(layer, config)


@dataclass(frozen=True, slots=True)
class GuardedAuthorisation:
    """The action `authorise`."""

    orders: OrderStore
    authorise: AuthorisePayment
    guard: Guard

    def __call__(self, order_id: OrderId, claim: str, context: LambdaContext) -> StepResult:
        """Authorise the order's payment; orders without one are not looked up in the guard."""
        order = load_claimed(self.orders, order_id, claim)
        if order.terminal:
            return ended(order, Outcome.ALREADY_ENDED)
        if order.total == 0 or order.payment_intent:
            # A payment that exists is retrieved, never believed from the cache: it may be gone by now.
            return self.authorise(order, claim)
        self.guard.config.register_lambda_context(context)
        try:
            result: StepResult = self._guarded(order, claim)
        except _NotForTheCache as error:
            return error.result
        except IdempotencyAlreadyInProgressError as error:
            raise OrderBusy(f"{order_id} is being authorised") from error
        except IdempotencyValidationError as error:
            raise OrderCorrupt(f"{order_id} was authorised with other facts") from error
        except (IdempotencyInconsistentStateError, IdempotencyPersistenceLayerError) as error:
            raise StoreUnavailable(type(error).__name__) from error
        return result

    def _guarded(self, order: Order, claim: str) -> StepResult:
        @idempotent_function(  # type: ignore[untyped-decorator] # it returns Any
            data_keyword_argument="facts",
            persistence_store=self.guard.layer,
            config=self.guard.config,
            key_prefix=KEY_PREFIX,
        )
        def once(*, facts: dict[str, Any]) -> StepResult:
            del facts  # it is what the record is keyed and checked by
            outcome = self.authorise(order, claim)
            if outcome["outcome"] == Outcome.ATTENTION_REQUIRED:
                raise _NotForTheCache(outcome)
            return outcome

        result: StepResult = once(
            facts={
                "key": f"{order.order_id}/authorise",
                "currency": order.currency,
                "total": order.total,
                "payment_method": order.payment_method,
            }
        )
        return result
