"""`python -m tests.model` writes docs/order-life.md."""

from __future__ import annotations

import sys

from tests.model.documentation import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
sys.stderr.write(f"written: docs/{PAGE.name}\n")
