"""Why an import ends before its report; each message is one line that says what to do."""

from __future__ import annotations


class ImportFailed(Exception):
    """Base of what ends an import."""


class RetailFileError(ImportFailed):
    """The file cannot be read, or is not of this format."""


class ImportStopped(ImportFailed):
    """The pipeline did not answer for too long; what was accepted stays, and the same command goes on."""
