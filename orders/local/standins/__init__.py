"""Stateful stand-ins for the two parties outside AWS: the payment provider and the warehouse.

Both speak HTTP on 127.0.0.1 and share one server, one fault injector and one control API under
`/_standin/`. They run as one child process (`process.StandinsProcess`, `__main__`) for the local
run, or inside a test (`with PaymentStandIn() as provider: provider.url`). The control
API is described in `control.py` (what both have), `stripe/control.py` and `warehouse/depot.py`.
"""
