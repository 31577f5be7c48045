"""Stripe's form encoding: `a[b]=1`, `list[0]=x`, `list[]=x`, to nested dictionaries.

A list arrives as a dictionary of its indexes; `parameters` makes it a list where one is due.
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from orders.local.standins.stripe.errors import invalid, unsafe_card_number

Form: TypeAlias = "dict[str, str | Form]"

LARGEST_DEPTH = 8
CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){12,18}")
CARD_FIELDS = frozenset({"number", "payment_method", "source"})


def decode(text: str) -> Form:
    """Decode a query string or a form body.

    Raises:
        ApiError: 400 when a name is used both as a value and as an object.
    """
    root: Form = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _place(root, name, value)
    return root


def _place(root: Form, name: str, value: str) -> None:
    head, _, rest = name.partition("[")
    keys = [head, *rest.removesuffix("]").split("][")] if rest else [head]
    if len(keys) > LARGEST_DEPTH:
        raise invalid(f"Invalid parameter: {head} is nested too deeply")
    node = root
    for key in keys[:-1]:
        child = node.setdefault(key, {})
        if isinstance(child, str):
            raise invalid("Invalid object", param=head)
        node = child
    last = keys[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise invalid("Invalid string", param=head)
    node[last] = value


def refuse_card_numbers(form: Form) -> None:
    """Refuse a card number where a card or a payment method is named, before anything keeps it.

    Raises:
        ApiError: 402, as Stripe answers accounts without access to its raw card data API.
    """
    for key, value in form.items():
        if isinstance(value, dict):
            refuse_card_numbers(value)
        elif key in CARD_FIELDS and CARD_NUMBER.fullmatch(value.strip()):
            raise unsafe_card_number()
