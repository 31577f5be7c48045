"""The whole import over a shop in memory: every row accounted for, stopped and resumed, refused and stuck."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.domain.catalogue import Product
from orders.api_client import ApiRefused, ApiUnreachable
from orders.retail.catalogue import Stocked
from tests.fakes.phases import HeardPhases
from tests.fakes.shop_api import InMemoryCatalogue, ShopApi, refused
from tests.unit.retail.files import line
from tests.unit.retail.importing import report_of, run_import

DIRTY = (
    line("700001", "10001", 6),
    line("700001", "10001", 4, "2.10"),
    line("700001", "POST", 1, "18"),
    line("700002", "10002", 3, "0.85", customer=""),
    line("700003", "10001", -20, "0", customer=""),
    line("700004", "POST", 1, "5.00"),
    line("700005", "10003", 1, "0"),
    line("700006", "10001", "two"),
    line("C700007", "10001", -2),
    line("C700007", "10001", -1, "2.10"),
    line("C700007", "10009", -1),
    line("C700008", "10002", -1, "0.85", customer=""),
    line("C700009", "10001", -1, customer="90077"),
)


def summary(shop: ShopApi, *lines: str) -> dict[str, Any]:
    """Import, and return the report without what differs between runs on purpose."""
    report = report_of(shop, run_import(shop, *lines)).as_json()
    changing = {"seconds", "accepted_before", "refunds_accepted_before", "products_created"}
    return {name: value for name, value in report.items() if name not in changing}


def test_every_row_is_imported_or_excluded_with_its_reason() -> None:
    shop = ShopApi()
    report = report_of(shop, run_import(shop, *DIRTY)).as_json()
    assert report["excluded_by_reason"] == {
        "credit_line_unknown": 1,
        "credit_order_unknown": 1,
        "credit_without_customer": 1,
        "postage": 2,
        "stock_write_off": 1,
        "unreadable_quantity": 1,
    }
    assert report["rejected_by_reason"] == {
        "refused:out_of_range": 1,
        "refused:unknown_sku": 1,
        "refused:wrong_type": 1,
    }
    assert (report["submitted"], report["completed"], report["rejected"], report["stuck"]) == (6, 3, 3, 0)
    assert (report["rows_imported"], report["rows_excluded"]) == (6, 7)
    assert report["captured_minor"] == 6 * 255 + 4 * 210 + 3 * 85 == report["imported_sales_minor"]
    assert (report["refunded"], report["refunded_minor"]) == (1, 2 * 255 + 210)
    assert report["imported_total_minor"] + report["excluded_total_minor"] == report["file_total_minor"]
    assert report["excluded_minor_by_reason"]["postage"] == 2300
    assert report["sums_that_do_not_close"] == []
    assert report["invoices_without_customer"] == 3


def test_a_second_run_changes_nothing_and_reports_the_same() -> None:
    shop = ShopApi()
    first = summary(shop, *DIRTY)
    orders, products = dict(shop.orders), dict(shop.catalogue.products)
    again = run_import(shop, *DIRTY)
    assert (shop.orders, shop.catalogue.products) == (orders, products)
    assert sum(len(found) for found in shop.of_order.values()) == 1
    assert (again.catalogue.created, again.catalogue.topped_up, again.replayed) == (0, 0, 4)
    assert summary(shop, *DIRTY) == first


def test_a_changed_list_price_does_not_make_the_second_run_another() -> None:
    shop = ShopApi()
    first = summary(shop, *DIRTY)
    stocked = shop.catalogue.products["10001"]
    dearer = Product("10001", "GBP", {**stocked.product.prices, "list": 5_000}, 0, 10)
    shop.catalogue.products["10001"] = Stocked(dearer, stocked.sources)
    assert summary(shop, *DIRTY) == first


@pytest.mark.parametrize("after", range(1, 9))
def test_an_import_that_is_stopped_goes_on_where_it_stood(after: int) -> None:
    whole = summary(ShopApi(), *DIRTY)
    calls = 0

    def interrupt(_call: str, _key: str) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise ApiUnreachable("the cable was pulled")

    shop = ShopApi(before=interrupt)
    with pytest.raises(ApiUnreachable):
        run_import(shop, *DIRTY)
    shop.before = lambda _call, _key: None
    assert summary(shop, *DIRTY) == whole
    assert len(shop.orders) == 3


def test_a_second_file_adds_prices_and_stock_and_takes_nothing_away() -> None:
    shop = ShopApi()
    run_import(shop, line(quantity=6), line(sku="10002"))
    run_import(shop, line("700010", quantity=5, price="3.00"), line("700011", sku="10003"))
    product = shop.catalogue.products["10001"].product
    assert (product.prices, product.on_hand) == ({"list": 255, "p255": 255, "p300": 300}, 11)
    assert [order["total"] for order in shop.orders.values()] == [6 * 255 + 2 * 255, 1500, 510]


def test_a_product_that_contradicts_the_catalogue_is_excluded_by_name() -> None:
    foreign = Stocked(Product("10002", "EUR", {"list": 100}, 0, 5))
    other = Stocked(Product("10003", "GBP", {"list": 100, "p255": 256}, 0, 5))
    shop = ShopApi(InMemoryCatalogue({"10002": foreign, "10003": other}))
    report = report_of(
        shop, run_import(shop, line(), line(sku="10002"), line(sku="10003"), line("700002", "10002"))
    ).as_json()
    assert report["excluded_by_reason"] == {"currency_conflict": 2, "price_conflict": 1}
    assert report["rejected_by_reason"] == {"refused:currency_mismatch": 1}
    assert report["products"] == 1
    assert report["sums_that_do_not_close"] == []


def test_an_invoice_that_was_to_be_refused_and_is_not_has_sold_its_rows() -> None:
    """Somebody sells postage under the very code and price that the file has."""
    shop = ShopApi(InMemoryCatalogue({"POST": Stocked(Product("POST", "GBP", {"list": 1800}, 0, 5))}))
    report = report_of(shop, run_import(shop, line(sku="POST", quantity=1, price="18.00"))).as_json()
    assert (report["completed"], report["rows_imported"], report["excluded_by_reason"]) == (1, 1, {})
    assert report["sums_that_do_not_close"] == []


def test_orders_that_the_pipeline_rejects_stay_imported_and_are_told_with_their_money() -> None:
    def end(order: dict[str, Any]) -> tuple[str, str | None]:
        return ("completed", None) if order["total"] == 510 else ("rejected", "out_of_stock")

    shop = ShopApi(end=end)
    credit = line("C700009", quantity=-1, sku="10002")
    report = report_of(shop, run_import(shop, line(), line("700002", "10002", 3), credit)).as_json()
    assert report["rejected_minor_by_reason"] == {"out_of_stock": 765}
    assert (report["rejected_total_minor"], report["captured_minor"]) == (765, 510)
    assert report["rows_imported"] == 2
    assert report["excluded_by_reason"] == {"credit_line_unknown": 1}
    assert report["sums_that_do_not_close"] == []


def test_a_refused_order_leaves_its_rows_under_one_reason() -> None:
    lines = [line(quantity=100_001), line(sku="10002"), line(sku="POST")]
    shop = ShopApi()
    report = report_of(shop, run_import(shop, *lines)).as_json()
    assert report["excluded_by_reason"] == {"postage": 1, "refused_by_api": 2}
    assert report["rejected_by_reason"] == {"refused:out_of_range": 1}
    assert report["sums_that_do_not_close"] == []


def test_a_refused_refund_leaves_its_rows_under_the_apis_code() -> None:
    def refuse(call: str, _key: str) -> None:
        if call == "refund":
            raise refused(409, "not_refundable")

    shop = ShopApi(before=refuse)
    report = report_of(shop, run_import(shop, line(), line("C700009", quantity=-1))).as_json()
    assert report["excluded_by_reason"] == {"refund_refused:not_refundable": 1}
    assert (report["refunded"], report["sums_that_do_not_close"]) == (0, [])


def test_a_refund_that_fails_is_told_and_the_sums_still_close() -> None:
    shop = ShopApi(pay_back=lambda _refund: ("failed", "expired_or_canceled_card"))
    report = report_of(shop, run_import(shop, line(), line("C700009", quantity=-1))).as_json()
    assert report["refunds_failed_by_reason"] == {"expired_or_canceled_card": 1}
    assert (report["refunded"], report["refunded_minor"], report["stuck"]) == (0, 0, 0)
    assert report["sums_that_do_not_close"] == []


@pytest.mark.parametrize("status", ["processing", "attention_required"])
def test_an_order_that_does_not_end_is_stuck_and_its_customers_credits_wait(status: str) -> None:
    shop = ShopApi(end=lambda order: (status, None) if order["total"] == 255 else ("completed", None))
    phases = HeardPhases()
    imported = run_import(
        shop, line(), line("700002", quantity=1), line("C700009", quantity=-1), phases=phases
    )
    report = report_of(shop, imported)
    told = ["No order has ended for a minute; still open: 1"] if status == "processing" else []
    assert [said.split(".")[0] for said in phases.said] == told
    assert imported.stuck == [i for i, order in shop.orders.items() if order["total"] == 255]
    assert report.as_json()["excluded_by_reason"] == {"credit_awaits_order": 1}
    assert not report.sound
    shop.end = lambda _order: ("completed", None)
    for order in shop.orders.values():
        order["status"] = "completed"
    assert report_of(shop, run_import(shop, *DIRTY[:0], line(), line("700002", quantity=1))).sound


@pytest.mark.parametrize("status", ["requested", "attention_required"])
def test_a_refund_that_is_not_decided_is_stuck(status: str) -> None:
    shop = ShopApi(pay_back=lambda _refund: (status, None))
    imported = run_import(shop, line(), line("C700009", quantity=-1))
    assert imported.stuck == ["ref_" + "0" * 26]
    assert not report_of(shop, imported).sound


def test_a_refund_whose_goods_do_not_come_back_is_stuck_and_paid() -> None:
    shop = ShopApi(restocks=False)
    report = report_of(shop, run_import(shop, line(), line("C700009", quantity=-1)))
    assert (report.as_json()["refunded_minor"], report.as_json()["stuck"]) == (255, 1)
    assert (report.open_sums, report.sound) == ([], False)


def test_an_answer_that_does_not_speak_of_the_order_ends_the_import() -> None:
    def unauthenticated(_call: str, _key: str) -> None:
        raise refused(401, "unauthenticated")

    with pytest.raises(ApiRefused):
        run_import(ShopApi(before=unauthenticated), line())


def test_progress_tells_every_phase_to_its_end() -> None:
    phases = HeardPhases()
    run_import(ShopApi(pace=1), *DIRTY, phases=phases)
    assert phases.totals == {
        "catalogue": 3,
        "orders accepted": 6,
        "orders ended": 6,
        "refunds accepted": 1,
        "refunds ended": 1,
    }
    for name, told in phases.told.items():
        assert told == sorted(told)
        assert told[-1] == phases.totals[name]


def test_a_sum_that_does_not_close_is_named() -> None:
    shop = ShopApi()
    imported = run_import(shop, *DIRTY)
    report = report_of(shop, imported)
    assert report.sound
    imported.file.total += 1
    report.books.captured_at_provider["GBP"] += 1
    assert report.open_sums == ["money", "provider"]
    next(iter(shop.orders.values()))["total"] += 1
    assert report_of(shop, imported).open_sums == ["money", "sales"]
    imported.refunds[0].amount -= 1
    imported.file.rows.pop()
    assert report_of(shop, imported).open_sums == ["rows", "money", "sales", "refunds"]
