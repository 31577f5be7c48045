"""However an order is refunded: every entry balances, and all together return exactly what was taken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from lambdas.domain.identifiers import ClientId
from lambdas.domain.ledger import RECEIVABLE, SALES, SALES_TAX, capture_entry, refund_entry
from lambdas.domain.order import Line, Order, PaymentStatus, Status, digest_lines
from lambdas.domain.refund import RefundStatus, tax_of_refund
from lambdas.domain.refund_request import parse_refund, plan_refund
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.transitions import completed, refund_failed, refund_requested, refunded
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_refund

if TYPE_CHECKING:
    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.refund import Refund

lines_of_order = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from("ABC"),
        quantity=st.integers(1, 5),
        unit_price=st.one_of(st.integers(0, 30), st.integers(0, 10**7)),
        tax_rate=st.sampled_from([0, 1, 500, 700, 2000, 2500, 10_000]),
    ),
    min_size=1,
    max_size=5,
)
shares = st.floats(0, 1)
wishes = st.lists(
    st.one_of(
        st.fixed_dictionaries({"share": shares}),
        st.fixed_dictionaries({"line": st.integers(1, 5), "quantity": st.integers(1, 5)}),
        st.fixed_dictionaries({"fails": st.just(True), "share": shares}),
        st.fixed_dictionaries({"fails": st.booleans(), "rest": st.just(True)}),
    ),
    max_size=8,
)


def sold(lines: list[Line]) -> Order:
    """A completed order over lines that cost something."""
    total, tax = sum(line.total for line in lines), sum(line.tax for line in lines)
    return completed(an_order(lines=tuple(lines), lines_digest=digest_lines(lines), total=total, tax=tax), AT)


def body_of(wish: dict[str, Any], order: Order) -> dict[str, Any]:
    """Turn what was drawn into a request."""
    if "rest" in wish:
        return {}
    if "line" in wish:
        return {"lines": [{"line": wish["line"], "quantity": wish["quantity"]}]}
    return {"amount": max(1, round(wish["share"] * order.refundable))}


class Books:
    """An order, its refunds and its entries."""

    def __init__(self, lines: list[Line]) -> None:
        """Sell it."""
        self.lines = lines
        self.order = sold(lines)
        self.refunds: list[Refund] = []
        self.entries: list[JournalEntry] = [capture_entry(self.order, AT, "pi_1")]

    def ask(self, body: dict[str, Any]) -> Refund | None:
        """Reserve a refund; None when there is not so much left."""
        wish = parse_refund({"reason_code": "returned", **body})
        try:
            planned = plan_refund(wish, self.order, self.lines, self.refunds)
        except InvalidBody:
            return None
        made = a_refund(str(len(self.refunds)), amount=planned.amount, lines=planned.lines)
        self.order = refund_requested(self.order, AT, made.amount)
        self.refunds.append(made)
        return made

    def decide(self, made: Refund, *, fails: bool) -> None:
        """Let the provider decide and book what it did."""
        state = RefundStatus.FAILED if fails else RefundStatus.SUCCEEDED
        done = a_refund(str(self.refunds.index(made)), amount=made.amount, lines=made.lines, status=state)
        self.refunds[self.refunds.index(made)] = done
        if fails:
            self.order = refund_failed(self.order, AT, made.amount)
            return
        tax = tax_of_refund(self.order, done, self.lines)
        assert 0 <= tax <= done.amount
        self.entries.append(refund_entry(self.order, done, tax, AT, "re_1"))
        self.order = refunded(self.order, AT, done.amount, tax, last_step=True)
        sums = self.order.refunds
        assert 0 <= sums.tax <= self.order.tax
        assert 0 <= sums.refunded - sums.tax <= self.order.total - self.order.tax

    @property
    def balances(self) -> Counter[str]:
        """What every account's postings add up to."""
        sums: Counter[str] = Counter()
        for entry in self.entries:
            for posting in entry.postings:
                sums[posting.account] += posting.amount
        return sums


@settings(max_examples=1_000)
@given(lines=lines_of_order, drawn=wishes, late=st.booleans())
def test_refunds_that_add_up_to_the_whole_return_exactly_its_tax(
    lines: list[Line], drawn: list[dict[str, Any]], late: bool
) -> None:
    if not sum(line.total for line in lines):
        return
    books = Books(lines)
    waiting: list[tuple[Refund, bool]] = []
    for wish in drawn:
        made = books.ask(body_of(wish, books.order))
        if made:
            waiting.append((made, bool(wish.get("fails"))))
        while waiting and not late:
            books.decide(waiting[0][0], fails=waiting.pop(0)[1])
    while waiting:  # decided in another order than they were asked for
        made, fails = waiting.pop()
        books.decide(made, fails=fails)
    rest = books.ask({})
    if rest:
        books.decide(rest, fails=False)
    order = books.order
    event(f"{len(books.entries) - 1} refunds booked")
    assert order.payment_status is PaymentStatus.REFUNDED
    assert order.status is Status.COMPLETED
    assert (order.refunds.refunded, order.refunds.reserved) == (order.total, order.total)
    assert (order.refunds.tax, order.refunds.unfinished, order.refundable) == (order.tax, 0, 0)
    balances = books.balances
    assert (balances[RECEIVABLE], balances[SALES], balances[SALES_TAX]) == (0, 0, 0)
    assert [entry.entry_no for entry in books.entries] == list(range(1, order.entries + 1))
    assert books.ask({}) is None


@given(lines=lines_of_order, data=st.data())
def test_no_wish_reserves_more_than_is_left(lines: list[Line], data: st.DataObject) -> None:
    if not sum(line.total for line in lines):
        return
    books = Books(lines)
    for _ in range(data.draw(st.integers(1, 6))):
        amount = data.draw(st.integers(1, 2 * books.order.total))
        left = books.order.refundable
        made = books.ask({"amount": amount})
        assert (made is not None) == (amount <= left)
        assert books.order.refundable == left - (made.amount if made else 0)
    assert books.order.client == ClientId("client-1")
