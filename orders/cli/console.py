"""Output: data on stdout, messages on stderr; people get tables and colour, programs get JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape

# Into a file or a pipe nothing is cut: no terminal says how wide it is.
UNWATCHED_WIDTH = 200


def _console(file: TextIO) -> Console:
    return Console(file=file, highlight=False, width=None if file.isatty() else UNWATCHED_WIDTH)


def _stdout() -> Console:
    return _console(sys.stdout)


def _stderr() -> Console:
    return _console(sys.stderr)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command writes. Colour goes away with NO_COLOR or when nobody watches (rich sees to both)."""

    as_json: bool = False
    data: Console = field(default_factory=_stdout)
    messages: Console = field(default_factory=_stderr)

    def json(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write one JSON value to stdout."""
        self.data.file.write(json.dumps(value, indent=2) + "\n")
        self.data.file.flush()  # a program may wait for it while the command goes on serving

    def say(self, text: str) -> None:
        """Tell the person something on stderr."""
        self.messages.print(text)

    def error(self, text: str, *hints: str) -> None:
        """Say what went wrong and what to do next."""
        self.messages.print(f"[bold red]orders:[/] {escape(text)}")
        for hint in hints:
            self.messages.print(f"  {hint}")
