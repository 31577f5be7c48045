"""The CDK app: `cdk deploy -c env=prod`, or `python app.py` for the templates alone."""

from __future__ import annotations

import sys

from stacks.application import compose, new_app
from stacks.errors import SynthesisError


def say(line: str) -> None:
    """Tell the person at the terminal; standard output belongs to the CDK."""
    sys.stderr.write(f"orders: {line}\n")


def main() -> None:
    """Write the cloud assembly; an error is one line and exit status 1."""
    app = new_app()
    try:
        compose(app, say)
    except SynthesisError as error:
        raise SystemExit(f"orders: {error}") from error
    app.synth()


if __name__ == "__main__":
    main()
