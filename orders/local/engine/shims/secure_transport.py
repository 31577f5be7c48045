"""`aws:SecureTransport`.

AWS: true for a request over TLS (IAM user guide, "AWS global condition context keys").

Engine: it speaks plain HTTP, so the key is false, and a queue that refuses requests without TLS
refuses everybody.

Mend: a request over the loopback interface stands for one over TLS.
"""

from __future__ import annotations

from ministack import app

_original = app.pin_request_origin


def apply() -> None:
    """Count every request as secure."""
    app.pin_request_origin = _pin


def _pin(source_ip: str, _secure: bool) -> None:
    _original(source_ip, True)
