from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ingest.requests import Api

if TYPE_CHECKING:
    from tests.fakes.pipeline import Pipeline


@pytest.fixture
def api(pipeline: Pipeline) -> Api:
    """The API over fresh fakes."""
    return Api(pipeline)
