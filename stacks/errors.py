"""What can stop a synthesis. Every message is one clear line for the person who asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SynthesisError(Exception):
    """The template could not be made; the base of every error that `stacks` raises."""


class SettingsError(SynthesisError):
    """The settings of an environment are not safe, or not complete.

    Attributes:
        problems: every reason at once, so that nobody mends them one synthesis at a time.
    """

    def __init__(self, environment: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"settings of environment {environment!r}: {'; '.join(problems)}")


class NodeMissingError(SynthesisError):
    """The CDK's library is JavaScript behind jsii, and there is no Node.js to run it."""


class DefinitionError(SynthesisError):
    """The state machine's definition is missing, not JSON, or at odds with the settings."""


class BuildError(SynthesisError):
    """A function's artefact could not be built, or would not run on Lambda."""
