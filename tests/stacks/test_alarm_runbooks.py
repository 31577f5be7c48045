"""Every alarm has a runbook, and every runbook of an alarm is of one that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.docs.runbooks import ERROR_CLASSES, INDEX, page_of, pages, steps

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


def test_every_alarm_has_its_page_and_every_page_its_alarm(prod: Assembly) -> None:
    alarms = {page_of(name) for name in prod.resources("AWS::CloudWatch::Alarm")}
    others = {page_of(step) for step in steps()} | {INDEX, ERROR_CLASSES}
    assert not alarms & others
    assert alarms == pages().keys() - others
