"""A client that passes calls on to a real one, remembers them, and fails where a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

Failure = Exception | None


@dataclass
class RecordingClient:
    """`before` and `after` see the operation's name and the number of its calls so far, from 1.

    What `before` returns is raised instead of calling; what `after` returns, although the call worked.
    """

    client: Any
    before: Callable[[str, int], Failure] = lambda _name, _number: None
    after: Callable[[str, int], Failure] = lambda _name, _number: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append((name, parameters))
            number = self.count(name)
            _raise(self.before(name, number))
            answer = getattr(self.client, name)(**parameters)
            _raise(self.after(name, number))
            return answer

        return call

    def count(self, name: str) -> int:
        """How often an operation was called."""
        return sum(called == name for called, _ in self.calls)


def _raise(failure: Failure) -> None:
    if failure:
        raise failure


def client_error(operation: str, code: str, status: int = 400, **facts: Any) -> ClientError:
    """An error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **facts,
    }
    return ClientError(response, operation)


def cancelled(*codes: str) -> ClientError:
    """A cancelled transaction with one reason's code per action."""
    reasons = [{"Code": code} for code in codes]
    return client_error("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
