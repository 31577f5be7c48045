"""What the commands of `orders dlq` are told: ids, times, reasons; and what they have in common."""

from __future__ import annotations

import argparse
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import (
    FailureId,
    Fingerprint,
    OrderId,
    RefundId,
    failure_id_for,
    looks_like_failure_id,
    looks_like_fingerprint,
    looks_like_order_id,
    looks_like_refund_id,
)
from lambdas.domain.operation import REASONS
from lambdas.domain.timestamps import utc_now
from orders.aws_errors import explain
from orders.cli.connection import open_deployment
from orders.deployment import LOCAL
from orders.dlq.desk import open_desk
from orders.dlq.refusals import DlqRefused
from orders.dlq.replaying import Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.cli.console import Output
    from orders.deployment import Deployment
    from orders.dlq.desk import Desk

_UNSAID: Final = "other"
# It goes into the history, of which nothing can be erased: no place for words.
_INCIDENT: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SPAN: Final = re.compile(r"(\d+)([mhd])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def add_why_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add --reason, --note and --incident."""
    default = None if required else _UNSAID
    parser.add_argument("--reason", choices=REASONS, required=required, default=default)
    parser.add_argument("--note", metavar="TEXT", help="kept where it can be erased, never in the history")
    parser.add_argument("--incident", metavar="I", type=an_incident, help="its id or number at PagerDuty")


def why_of(arguments: argparse.Namespace) -> Why:
    """Return why the operator does it."""
    return Why(arguments.reason, arguments.incident, arguments.note)


def sit_down(arguments: argparse.Namespace, output: Output) -> tuple[Deployment, Desk]:
    """Open the pipeline that the options name, and say whose account and role this is."""
    deployment = open_deployment(arguments)
    if not deployment.is_local:
        output.say(f"{deployment}")
    return deployment, open_desk(deployment)


@contextmanager
def aws_explained() -> Iterator[None]:
    """Explain in one line what AWS does not answer, as a refusal."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DlqRefused(explain(error)) from error
    except (StoreUnavailable, QueueUnavailable) as error:
        what = f"{type(error).__name__}: {error}"
        raise DlqRefused(f"AWS does not answer ({what}): the same command again goes on") from error


def there(arguments: argparse.Namespace) -> str:
    """Return the options that lead a command to be copied to the same place; none to the local run."""
    if arguments.env == LOCAL:
        return ""
    named = (("env", arguments.env), ("profile", arguments.profile), ("region", arguments.region))
    return "".join(f" --{option} {value}" for option, value in named if value)


def an_incident(text: str) -> str:
    """Read an incident's id or number."""
    if not _INCIDENT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no id of an incident; words go into --note")
    return text


def a_fingerprint(text: str) -> Fingerprint:
    """Read a group's fingerprint."""
    if not looks_like_fingerprint(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no fingerprint, which `orders dlq groups` shows")
    return Fingerprint(text)


def an_order(text: str) -> OrderId:
    """Read an order's id."""
    if not looks_like_order_id(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no order's id")
    return OrderId(text)


def a_failure(text: str) -> FailureId:
    """Read a failure's id, or that of the order or refund that failed."""
    if looks_like_failure_id(text):
        return FailureId(text)
    if looks_like_order_id(text):
        return failure_id_for(OrderId(text))
    if looks_like_refund_id(text):
        return failure_id_for(RefundId(text))
    raise argparse.ArgumentTypeError(f"{text!r} is no id of a failure, an order or a refund")


def a_time(text: str) -> datetime:
    """Read a time: RFC 3339, UTC where it names no zone, or so long ago as in `30m`, `2h`, `3d`."""
    if span := _SPAN.fullmatch(text):
        return utc_now() - int(span[1]) * _UNITS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2h or 2026-11-21T02:30:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
