"""What can go wrong with the embedded engine. Each message is one line, fit for a terminal."""

from __future__ import annotations


class EngineError(Exception):
    """The embedded engine cannot do what was asked of it."""


class PortInUseError(EngineError):
    """Another program listens on the engine's port."""


class DataFolderError(EngineError):
    """The data folder cannot be written, is in use, or holds state that cannot be read."""


class SnapshotError(EngineError):
    """The engine's state could not be written; what was there before is untouched."""


class EngineDiedError(EngineError):
    """The engine's process ended before it could serve."""


class EngineVersionError(EngineError):
    """The installed engine is not the version for which the shims were written."""


class DeployError(EngineError):
    """A cloud assembly cannot be deployed."""


class StackFailedError(DeployError):
    """CloudFormation could not create or update a stack.

    Args:
        stack: The stack's name.
        resource: The logical id of the first resource that failed (the stack's name when
            CloudFormation named none).
        reason: CloudFormation's reason.
    """

    def __init__(self, stack: str, resource: str, reason: str) -> None:
        super().__init__(f"stack {stack}: {resource}: {reason}")
        self.stack = stack
        self.resource = resource
        self.reason = reason
