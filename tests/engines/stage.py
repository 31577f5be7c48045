"""What a workflow scenario needs of an engine, and what it looks at in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from tests.fakes.payments import GOOD_CARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId, RefundId

ON_HAND: Final = 5
PRICE: Final = 1000

Definition: TypeAlias = "dict[str, Any]"
Edit: TypeAlias = "Callable[[Definition], None]"


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended: what it came to when it succeeded, else `step:ErrorClass`."""

    status: str
    outcome: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What has become of the order and of everything behind it. Money is in pence."""

    status: str
    payment_status: str
    fulfillment_status: str
    reason: str | None = None
    captured: int = 0
    refunded: int = 0
    shipments: int = 0
    entries: int = 0
    left: int = ON_HAND


class Stage(Protocol):
    """A pipeline whose workflow one engine runs, with a product of which five are left at ten pounds each."""

    def accept(self, card: str = GOOD_CARD, quantity: int = 1) -> OrderId:
        """Accept an order; nothing works on it until `run`."""
        ...

    def cancel(self, order_id: OrderId) -> None:
        """Ask for the order's end."""
        ...

    def refund(self, order_id: OrderId) -> RefundId:
        """Ask for all of the order's money back."""
        ...

    def fail_warehouse(self, times: int) -> None:
        """Let the warehouse answer that it is not available; nothing happens there."""
        ...

    def hang_fulfil(self, times: int) -> None:
        """Let the step `Fulfil` take longer than `HANG_LIMIT_SECONDS`."""
        ...

    def cut_confirm(self, times: int) -> None:
        """Let the provider take no money and give no answer."""
        ...

    def cut_captured(self, times: int) -> None:
        """Let the provider take the money and give no answer."""
        ...

    def run(self, edit: Edit | None = None, **command: str) -> Ended:
        """Run one execution to its end; `edit` changes the deployed definition for it."""
        ...

    def facts(self, order_id: OrderId) -> Facts:
        """Look at everything."""
        ...
