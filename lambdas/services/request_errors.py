"""Why a well-formed request is not carried out; the API answers each with a code of its own."""

from __future__ import annotations


class RequestConflict(Exception):
    """The request does not fit to how things stand."""


class IdempotencyKeyReused(RequestConflict):
    """The key has been used for a request with another body."""


class OrderUnknown(RequestConflict):
    """The client has no such order."""


class TooLateToCancel(RequestConflict):
    """The order is shipped and paid: only a refund gives the money back."""


class AlreadyEnded(RequestConflict):
    """The order was rejected: there is nothing to cancel."""


class NotRefundable(RequestConflict):
    """No money was taken that could be given back."""
