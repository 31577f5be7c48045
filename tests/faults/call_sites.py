"""The calls of the outside that are written in `lambdas/`, found in the source.

A new call that no scenario reaches makes the matrix incomplete, and its test fail.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.boundaries import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.faults.boundaries import Boundary


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call in the source, from its first line to its last."""

    file: str
    first: int
    last: int
    function: str
    call: str

    def __str__(self) -> str:
        """Where it is, for people."""
        return f"{self.file}:{self.first} {self.call}"


def written_calls() -> Iterator[CallSite]:
    """Yield every call of a client's operation, of a connection pool and of Stripe's library."""
    for path in sorted((ROOT / "lambdas").rglob("*.py")):
        yield from _calls_in(path)


def unreached(sites: Iterable[CallSite], boundaries: Iterable[Boundary]) -> list[CallSite]:
    """Return the calls that no boundary comes from."""
    lines: dict[str, set[int]] = {}
    for boundary in boundaries:
        for site in boundary.sites:
            lines.setdefault(site.file, set()).add(site.line)
    return [site for site in sites if not lines.get(site.file, set()) & set(range(site.first, site.last + 1))]


def _calls_in(path: Path) -> Iterator[CallSite]:
    file = str(path.relative_to(ROOT))
    for function, node in _nodes(ast.parse(path.read_text()), ()):
        if isinstance(node, ast.Call) and _goes_out(name := _dotted(node.func)):
            yield CallSite(file, node.lineno, node.end_lineno or node.lineno, function, name)


def _nodes(node: ast.AST, within: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    """Yield all nodes below one, each with the function that it is written in."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                inside = (*within, name)
            case _:
                inside = within
        yield ".".join(inside), child
        yield from _nodes(child, inside)


def _goes_out(name: str) -> bool:
    *owner, method = name.split(".")
    if not owner:
        return method == "once"  # Powertools' idempotency calls the table around it
    return owner[-1] == "client" or "v1" in owner or (owner[-1] in {"pool", "_pool"} and method == "request")


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Attribute():
            return f"{_dotted(node.value)}.{node.attr}"
        case ast.Name():
            return node.id
    return "?"
