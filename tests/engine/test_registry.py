"""The shims are for one version of the engine."""

from __future__ import annotations

from importlib import metadata

import pytest

from orders.local.engine import shims
from orders.local.engine.errors import EngineVersionError


def test_another_version_is_refused_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "1.5.34")
    with pytest.raises(EngineVersionError, match=r"ministack 1\.5\.34 .* 1\.5\.33") as refusal:
        shims.apply_all()
    assert "\n" not in str(refusal.value)


def test_the_pinned_version_is_installed() -> None:
    assert metadata.version("ministack") == shims.PINNED
