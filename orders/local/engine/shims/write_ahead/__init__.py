"""What a kill leaves.

AWS: what DynamoDB and SQS have acknowledged is stored in several places before the answer leaves.

Engine: all is in memory, and written to disk on a clean stop only, service by service, each file over the
one before: a kill loses everything since the last stop, and in the middle of a stop it mixes two states.
A file that cannot be written is a line in the log.

Mend, where state is to be kept: what changes in tables and queues is in a journal before the answer
leaves, and a request whose record cannot be written fails; a start takes the journal over; the state is
written as a whole (`snapshots`), and also when the journal has grown long. All else (functions, logs,
metrics, events on their way) is as of the last snapshot.
"""

from __future__ import annotations

import os
from pathlib import Path

from orders.local.engine.shims.write_ahead import keeping, queues, tables


def apply() -> None:
    """Keep a journal in the data folder, if there is one."""
    data_dir = os.environ.get("ORDERS_ENGINE_DATA")
    if data_dir:
        journal = keeping.apply(Path(data_dir))
        tables.apply(journal)
        queues.apply(journal)
