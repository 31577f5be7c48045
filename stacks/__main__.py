"""`python -m stacks ENVIRONMENT FOLDER [setting=value ...]` writes an environment's templates."""

from __future__ import annotations

import sys
from pathlib import Path

from stacks.errors import SynthesisError
from stacks.synthesis import synthesise_if_changed

_LEAST_ARGUMENTS = 2


def main(arguments: list[str]) -> None:
    """Synthesise; an error is one line and exit status 1."""
    if len(arguments) < _LEAST_ARGUMENTS or not all("=" in setting for setting in arguments[2:]):
        raise SystemExit(__doc__)
    environment, folder, *settings = arguments
    try:
        synthesise_if_changed(environment, Path(folder), dict(s.split("=", 1) for s in settings))
    except SynthesisError as error:
        raise SystemExit(f"orders: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
