from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from lambdas.domain.timestamps import from_text, to_text, utc_now


def test_a_time_is_stored_in_utc_with_milliseconds() -> None:
    paris = timezone(timedelta(hours=2))
    assert to_text(datetime(2026, 7, 1, 12, 0, 0, 1_999, tzinfo=paris)) == "2026-07-01T10:00:00.001Z"
    assert to_text(datetime(2026, 7, 1, tzinfo=UTC)) == "2026-07-01T00:00:00.000Z"


def test_what_was_stored_is_read_back() -> None:
    moment = datetime(2026, 7, 1, 10, 0, 0, 123_000, tzinfo=UTC)
    assert from_text(to_text(moment)) == moment


def test_the_present_is_aware() -> None:
    assert utc_now().utcoffset() == timedelta(0)
