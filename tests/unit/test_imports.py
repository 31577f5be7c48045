"""Imports point one way: handlers and entry points, then adapters and services, then the domain."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAMBDAS = ROOT / "lambdas"
LAYERS = {
    "domain": {"lambdas.domain"},
    "services": {"lambdas.domain", "lambdas.services"},
    "adapters": {"lambdas.domain", "lambdas.adapters"},
}


def imports_of(file: Path) -> set[str]:
    """Return the modules that a file imports, those for type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found.add(node.module or "")
    return found


def files_of(folder: str) -> list[Path]:
    """Return a folder's Python files, of which there are some."""
    files = sorted((LAMBDAS / folder).rglob("*.py"))
    assert files
    return files


def is_within(module: str, allowed: set[str]) -> bool:
    """Tell whether a module lies in one of the allowed packages."""
    return any(module == package or module.startswith(f"{package}.") for package in allowed)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_nothing_of_ours_but_the_layers_below_it(layer: str) -> None:
    wrong = {
        (file.name, module)
        for file in files_of(layer)
        for module in imports_of(file)
        if module.split(".")[0] == "lambdas" and not is_within(module, LAYERS[layer])
    }
    assert not wrong


@pytest.mark.parametrize("layer", ["domain", "services"])
def test_domain_and_services_import_the_standard_library_alone(layer: str) -> None:
    foreign = {
        (file.name, module)
        for file in files_of(layer)
        for module in imports_of(file)
        if module.split(".")[0] not in {*sys.stdlib_module_names, "lambdas"}
    }
    assert not foreign


def test_functions_never_import_what_is_not_deployed_with_them() -> None:
    wrong = {
        (file.name, module)
        for file in LAMBDAS.rglob("*.py")
        for module in imports_of(file)
        if module.split(".")[0] in {"orders", "stacks", "tests", "moto", "boto3"}
    }
    assert not wrong


def test_the_providers_library_is_imported_by_the_payment_function_alone() -> None:
    importing = {
        file.relative_to(LAMBDAS).as_posix()
        for file in LAMBDAS.rglob("*.py")
        if any(m.split(".")[0] == "stripe" or ".stripe_" in m for m in imports_of(file))
    }
    adapters = {f"adapters/stripe_{name}.py" for name in ("api", "payments", "refunds")}
    assert importing == {*adapters, "payment/handler.py"}
