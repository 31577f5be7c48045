"""An import over the fake shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.books import Books
from orders.patient_client import PatientClient
from orders.retail.importing import RetailImport
from orders.retail.report import Report
from tests.fakes.passing_time import PassingTime
from tests.fakes.phases import HeardPhases
from tests.unit.retail.files import parsed

if TYPE_CHECKING:
    from orders.retail.imported import Imported
    from tests.fakes.shop_api import ShopApi


def run_import(shop: ShopApi, *lines: str, phases: HeardPhases | None = None) -> Imported:
    """Import a file of these lines."""
    time = PassingTime()
    client = PatientClient(shop, patience=0, now=time.now)
    importing = RetailImport(
        client, shop.catalogue, phases or HeardPhases(), patience=90, now=time.now, sleep=time.sleep
    )
    return importing.run(parsed(*lines))


def report_of(shop: ShopApi, imported: Imported) -> Report:
    """Hold an import against books that agree with the shop."""
    captured, refunded = {"GBP": shop.captured()}, {"GBP": shop.refunded()}
    net = {"GBP": shop.captured() - shop.refunded()}
    return Report(imported, Books([], 0, net, captured, refunded), shop.captured())
