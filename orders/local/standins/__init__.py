"""Stateful stand-ins for the parties outside AWS: the payment provider, the warehouse and PagerDuty.

They speak HTTP on 127.0.0.1 and share one server, one fault injector and one control API under
`/_standin/`. They run as one child process (`process.StandinsProcess`, `__main__`) for the local
run, or inside a test (`with PaymentStandIn() as provider: provider.url`). The control
API is described in `control.py` (what all have), `stripe/control.py`, `warehouse/depot.py` and
`pagerduty/control.py`.
"""
