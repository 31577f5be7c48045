"""The engine's write-ahead journal: what changed in tables and queues since the last snapshot.

A record says how things are afterwards (this item, this message, gone), never what was asked for, so
that taking a record over twice, or over a newer snapshot, changes nothing. It is with the operating
system before the request that caused it is answered. A start takes all records over, after the
snapshot. What the records hold is the affair of the shim `write_ahead`.
"""
