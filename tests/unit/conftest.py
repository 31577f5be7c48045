"""Unit tests reach no network."""

from __future__ import annotations

import pytest

from tests.fakes.pipeline import Pipeline


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Refuse every socket, by pytest-socket."""


@pytest.fixture
def pipeline() -> Pipeline:
    """The services over fresh fakes."""
    return Pipeline()
