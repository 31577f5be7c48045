"""Prices a submission from the catalogue: the server's total is the one that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.catalogue import LIST_PRICE
from lambdas.domain.order import Line
from lambdas.domain.problems import Problem, pointer_to
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.submission import MAX_TOTAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.catalogue import Product
    from lambdas.domain.submission import RequestedLine, Submission


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """The lines with frozen prices and their sums in minor units; `total` includes `tax`."""

    lines: tuple[Line, ...]
    total: int
    tax: int


def price_submission(
    submission: Submission, products: Mapping[str, Product], *, may_choose_price: bool
) -> PricedOrder:
    """Price every line and check the sums.

    Raises:
        InvalidBody: with every SKU, price, currency and total that does not fit.
    """
    problems: list[Problem] = []
    lines = [
        _price_line(index, line, submission.currency, products, problems)
        for index, line in enumerate(submission.lines)
    ]
    if not may_choose_price:
        problems.extend(
            Problem(pointer_to("lines", i, "price_id"), "scope_required", "needs orders:price")
            for i, line in enumerate(submission.lines)
            if line.price_id != LIST_PRICE
        )
    if not problems:
        problems.extend(_check_sums(submission, sum(n.total for n in lines if n)))
    if problems:
        raise InvalidBody(problems)
    priced = tuple(line for line in lines if line)
    return PricedOrder(priced, sum(n.total for n in priced), sum(n.tax for n in priced))


def _price_line(
    index: int,
    requested: RequestedLine,
    currency: str,
    products: Mapping[str, Product],
    problems: list[Problem],
) -> Line | None:
    product = products.get(requested.sku)
    if product is None:
        problems.append(Problem(pointer_to("lines", index, "sku"), "unknown_sku", "not for sale"))
        return None
    if product.currency != currency:
        detail = f"this product is sold in {product.currency}"
        problems.append(Problem(pointer_to("lines", index, "sku"), "currency_mismatch", detail))
        return None
    price = product.prices.get(requested.price_id)
    if price is None:
        at = pointer_to("lines", index, "price_id")
        problems.append(Problem(at, "unknown_price", "the product has no such price point"))
        return None
    return Line(requested.sku, requested.quantity, price, product.tax_rate, requested.price_id)


def _check_sums(submission: Submission, total: int) -> list[Problem]:
    stated = submission.stated_total
    if total > MAX_TOTAL:
        detail = f"an order may total at most {MAX_TOTAL} minor units"
        return [Problem("/lines", "total_too_large", detail, {"computed": total})]
    if stated is not None and stated != total:
        facts = {"stated": stated, "computed": total}
        detail = "the stated total is not the sum of the lines"
        return [Problem("/total", "total_mismatch", detail, facts)]
    if total and submission.payment_method is None:
        return [Problem("/payment_method", "required", "an order with a total needs one")]
    return []
