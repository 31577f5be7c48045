"""The environments' templates, synthesised once for all of these tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from stacks.synthesis import synthesise
from tests.stacks.templates import Assembly

if TYPE_CHECKING:
    from pathlib import Path

JWT: Final = {"jwt_issuer": "https://id.example.com/", "jwt_audience": "orders"}
IAM: Final = {"auth": "iam"}
_SYNTHESES: Final = {
    "local": ("local", {}),
    "local again": ("local", {}),
    "prod": ("prod", IAM),
    "staging": ("staging", JWT),
}


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assembly]:
    """Assemblies by name: prod is authorised by IAM, staging by JWT."""
    base = tmp_path_factory.mktemp("assemblies")

    def one(name: str) -> Path:
        environment, context = _SYNTHESES[name]
        return synthesise(environment, base / name.replace(" ", "-"), context)

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(one, _SYNTHESES))
    return {
        name: Assembly(environment=_SYNTHESES[name][0], folder=folder)
        for name, folder in zip(_SYNTHESES, folders, strict=True)
    }


@pytest.fixture(scope="session")
def prod(assemblies: dict[str, Assembly]) -> Assembly:
    """What would be deployed to production."""
    return assemblies["prod"]


@pytest.fixture(scope="session")
def local(assemblies: dict[str, Assembly]) -> Assembly:
    """What the local run deploys into its engine."""
    return assemblies["local"]
