"""The ways in which a call to the outside goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

CONFLICTING: Final = frozenset({"TransactWriteItems", "ExecuteTransaction"})
# A single write meets a transaction on its item:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
CONFLICTED: Final = frozenset({"PutItem", "UpdateItem"})
# Whose calls botocore makes once more by itself.
RETRIED: Final = frozenset({"dynamodb", "sqs", "s3", "secretsmanager"})


class WorkerDied(BaseException):
    """The process of a function ends here: nothing of it may catch this."""


class EverythingDied(WorkerDied):
    """The execution that called the function ends too: only the message is left."""


class Kind(Enum):
    """What happens to a call."""

    DIED_BEFORE = "the function dies before"
    DIED_AFTER = "the function dies after"
    CUT_BEFORE = "the execution dies before"
    CUT_AFTER = "the execution dies after"
    LOST = "it works, the answer is lost"
    FAILED = "it works, the answer is an error"
    ERROR = "an error, nothing happened"
    THROTTLED = "throttled"
    CONFLICT = "a conflict of transactions"

    @property
    def happened(self) -> bool:
        """Whether the call has had its effect."""
        return self in {Kind.DIED_AFTER, Kind.CUT_AFTER, Kind.LOST, Kind.FAILED}

    @property
    def kills(self) -> bool:
        """Whether nobody is left who could try again."""
        return self in {Kind.DIED_BEFORE, Kind.DIED_AFTER, Kind.CUT_BEFORE, Kind.CUT_AFTER}


class Lasts(Enum):
    """For how long it goes wrong: botocore tries once more by itself, and then a step's retry comes."""

    ATTEMPT = "once"
    CALL = "at both of its tries"
    DELIVERY = "until the redelivery"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a call, and for how long."""

    kind: Kind
    lasts: Lasts = Lasts.ATTEMPT

    def __str__(self) -> str:
        """Name it for a report."""
        return self.kind.value if self.lasts is Lasts.ATTEMPT else f"{self.kind.value}, {self.lasts.value}"


def faults_of(service: str, operation: str, *, in_a_step: bool) -> list[Fault]:
    """All that can happen to a call; what is called from no step has no execution around it."""
    kinds = [Kind.DIED_BEFORE, Kind.DIED_AFTER]
    if in_a_step:
        kinds += [Kind.CUT_BEFORE, Kind.CUT_AFTER]
    faults = [Fault(kind) for kind in kinds]
    passing = [Kind.LOST, Kind.FAILED, Kind.ERROR, Kind.THROTTLED]
    if service == "dynamodb" and operation in CONFLICTING | CONFLICTED:
        passing.append(Kind.CONFLICT)
    lasting = [Lasts.ATTEMPT, Lasts.DELIVERY]
    if service in RETRIED:
        lasting.append(Lasts.CALL)
    return [*faults, *(Fault(kind, lasts) for kind in passing for lasts in lasting)]
