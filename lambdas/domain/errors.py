"""Technical failures of the pipeline, by class.

Business outcomes (a declined card, a missing product) are data and are returned. Only what a retry, a
redelivery or an operator could mend is raised. The class names are a contract: the state machine's `Retry`
lists them, and failures are grouped by them.
"""

from __future__ import annotations


class PipelineError(Exception):
    """Base of every failure that the pipeline raises on purpose."""


class TransientError(PipelineError):
    """The same call may succeed later; the state machine retries these."""


class OrderBusy(TransientError):
    """Another execution holds a live claim on the order."""


class StoreUnavailable(TransientError):
    """DynamoDB throttled, conflicted or did not answer."""


class QueueUnavailable(TransientError):
    """SQS did not take the message."""


class StockContention(TransientError):
    """Stock is being moved by other orders at this moment."""


class ProviderUnavailable(TransientError):
    """The payment provider refused or failed the call, and nothing happened there."""


class PaymentOutcomeUnknown(TransientError):
    """A payment call ended without an answer: it may or may not have worked.

    Always raised and never returned, so that nothing caches it; the next try retrieves the payment first.
    """


class WarehouseUnavailable(TransientError):
    """The warehouse did not answer; the shipment may or may not be booked there."""


class PagerUnavailable(TransientError):
    """PagerDuty did not take an event: no answer, too many, or an error of its own."""


class PagerRefused(PipelineError):
    """PagerDuty refuses an event or the key: ours to mend."""


class ClaimLost(PipelineError):
    """This execution's claim has expired and the order moved on without it."""


class OrderNotFound(PipelineError):
    """A message names an order that does not exist."""


class OrderCorrupt(PipelineError):
    """Stored facts of an order contradict each other; a person has to look."""


class LedgerConflict(PipelineError):
    """The ledger holds another entry under the key of the one that was to be booked."""


class BookingTooOld(PipelineError):
    """An entry was to be booked with a time that is not the present: its period may be closed."""


class ProviderRefused(PipelineError):
    """The provider refused a call in a way that no retry mends (credentials, configuration)."""
