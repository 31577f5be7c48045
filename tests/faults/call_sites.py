"""Every line under `lambdas/` that calls the outside, found in the source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.wire import CARRIERS, LAMBDAS

if TYPE_CHECKING:
    from collections.abc import Iterator

# What our adapters call their ways out: `client.put_item(...)`, `self.client.query(...)`,
# `api.v1.payment_intents.create(...)`, `self.pool.request(...)`, and Powertools' guarded function.
_AWS: Final = "client"
_STRIPE: Final = "v1"
_POOLS: Final = frozenset({"pool", "_pool"})
_GUARDED: Final = "once"
# Of a client, what makes no call.
_LOCAL: Final = frozenset({"get_paginator", "meta", "close"})


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call that may take several lines, in a function; `file` is relative to `lambdas/`."""

    file: str
    function: str
    first: int
    last: int
    code: str

    def __str__(self) -> str:
        """Name it as an editor does."""
        return f"{self.file}:{self.first} {self.code} in {self.function}"

    def holds(self, place: str) -> bool:
        """Tell whether a place on the wire is this call."""
        file, _, line = place.rpartition(":")
        return file == self.file and self.first <= int(line) <= self.last


def call_sites() -> list[CallSite]:
    """Find them all."""
    files = (path for path in sorted(Path(LAMBDAS).rglob("*.py")) if path.name not in CARRIERS)
    return [site for path in files for site in _in_file(path)]


def _in_file(path: Path) -> Iterator[CallSite]:
    name = str(path.relative_to(LAMBDAS))
    found: dict[ast.Call, CallSite] = {}
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            # A function within a function comes later, and has the call.
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _leaves(node.func):
                    last = node.end_lineno or node.lineno
                    code = ast.unparse(node.func)
                    found[node] = CallSite(name, function.name, node.lineno, last, code)
    yield from found.values()


def _leaves(function: ast.expr) -> bool:
    match function:
        case ast.Name(id=name):
            return name == _GUARDED
        case ast.Attribute(value=owner, attr="request"):
            return _last_name(owner) in _POOLS
        case ast.Attribute(value=owner, attr=attribute):
            return (_last_name(owner) == _AWS and attribute not in _LOCAL) or _is_stripe(owner)
    return False


def _last_name(owner: ast.expr) -> str:
    match owner:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_stripe(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Attribute) and _last_name(owner.value) == _STRIPE
