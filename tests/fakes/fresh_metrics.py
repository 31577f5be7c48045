"""Powertools keeps its metrics on the class: a process on Lambda has one function, the tests' has many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Metrics

if TYPE_CHECKING:
    import pytest

_ON_THE_CLASS: Final = ("_metrics", "_dimensions", "_metadata", "_default_dimensions")


def with_fresh_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next function that is loaded begin with metrics of its own, as a new process does."""
    for name in _ON_THE_CLASS:
        monkeypatch.setattr(Metrics, name, {})
