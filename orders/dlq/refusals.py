"""Why an operator's command does nothing."""

from __future__ import annotations


class DlqRefused(Exception):
    """Nothing was changed by this; the message is one line that says why and what to do."""
