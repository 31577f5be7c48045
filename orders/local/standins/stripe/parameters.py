"""Which parameters an endpoint takes, read from the official library's own types.

`stripe.params` holds one TypedDict per endpoint, generated from Stripe's OpenAPI description: a
name that is not there is refused as the API refuses it. Values are converted by their types; a
set of literals is taken as the list of what is allowed.
"""

from __future__ import annotations

import functools
import re
import typing
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Required, cast

from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

from orders.local.standins.stripe.errors import (
    ApiError,
    invalid,
    method_types_removed,
    missing_parameter,
    unknown_parameters,
)

if TYPE_CHECKING:
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.form import Form

INTEGER = re.compile(r"-?\d{1,18}")
REMOVED = "payment_method_types"
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
# Names that the inherited request options use; those are dropped, none is a parameter of the API.
UNRESOLVED = {"StripeContext": object, "Mapping": dict}


@functools.cache
def fields_of(params: type) -> dict[str, object]:
    """The fields of a TypedDict of `stripe.params` with their types, without request options."""
    hints = typing.get_type_hints(params, localns=UNRESOLVED, include_extras=True)
    options = RequestOptions.__annotations__
    return {name: hint for name, hint in hints.items() if name not in options}


@functools.cache
def required_of(params: type) -> tuple[str, ...]:
    """The fields that must be given."""
    return tuple(
        name for name, hint in fields_of(params).items() if typing.get_origin(hint) is not NotRequired
    )


def check(form: Form, params: type) -> Json:
    """Convert a decoded form to typed values.

    Args:
        params: a class of `stripe.params`, e.g. `PaymentIntentCreateParams`.

    Raises:
        ApiError: 400 with Stripe's code: `parameter_unknown`, `parameter_missing`,
            `parameter_invalid_integer`, `parameter_invalid_empty`.
    """
    unknown: list[str] = []
    values = _object(form, params, "", unknown)
    if REMOVED in unknown:
        raise method_types_removed()
    if unknown:
        raise unknown_parameters(unknown)
    for name in required_of(params):
        if name not in values:
            raise missing_parameter(name)
    return values


def _object(form: Form, params: type, prefix: str, unknown: list[str]) -> Json:
    fields = fields_of(params)
    values: Json = {}
    for name, value in form.items():
        path = f"{prefix}[{name}]" if prefix else name
        if name in fields:
            values[name] = _convert(value, fields[name], path, unknown)
        else:
            unknown.append(path)
    if prefix and not unknown:
        for name in required_of(params):
            if name not in values:
                raise missing_parameter(f"{prefix}[{name}]")
    return values


def _convert(value: str | Form, hint: object, path: str, unknown: list[str]) -> object:
    kinds = _alternatives(hint)
    if isinstance(value, dict):
        return _convert_nested(value, kinds, path, unknown)
    literals = {literal for kind in kinds for literal in _literals(kind)}
    if value == "":
        if "" in literals:
            return ""
        raise _empty(path)
    return _convert_scalar(value, kinds, literals - {""}, path)


def _convert_nested(value: Form, kinds: list[object], path: str, unknown: list[str]) -> object:
    for kind in kinds:
        origin = typing.get_origin(kind)
        if is_typeddict(kind):
            return _object(value, cast("type", kind), path, unknown)
        if origin is list:
            (item,) = typing.get_args(kind)
            return [
                _convert(value[key], item, f"{path}[{key}]", unknown)
                for key in sorted(value, key=lambda key: (len(key), key))
            ]
    if any(_is_mapping(kind) for kind in kinds):
        return _metadata(value, path)
    raise invalid("Invalid string: an object was given", param=path)


def _convert_scalar(value: str, kinds: list[object], literals: set[object], path: str) -> object:
    if bool in kinds and value in ("true", "false"):
        return value == "true"
    if int in kinds:
        if INTEGER.fullmatch(value):
            return int(value)
        if str not in kinds:
            raise invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    if literals:
        if value in literals:
            return value
        allowed = ", ".join(sorted(str(literal) for literal in literals))
        raise invalid(f"Invalid {path}: must be one of {allowed}", param=path)
    if str in kinds:
        return value
    if bool in kinds:
        raise invalid(f"Invalid boolean: {value}", param=path)
    if any(typing.get_origin(kind) is list for kind in kinds):
        raise invalid("Invalid array", param=path)
    raise invalid("Invalid object", param=path)


def _metadata(value: Form, path: str) -> dict[str, str]:
    """Limits: https://docs.stripe.com/api/metadata."""
    if len(value) > METADATA_KEYS:
        raise invalid(f"Metadata can have up to {METADATA_KEYS} keys", param=path)
    pairs: dict[str, str] = {}
    for key, item in value.items():
        if not isinstance(item, str):
            raise invalid("Metadata values must be strings", param=f"{path}[{key}]")
        if len(key) > METADATA_KEY_LENGTH or len(item) > METADATA_VALUE_LENGTH:
            raise invalid("A metadata key or value is too long", param=f"{path}[{key}]")
        pairs[key] = item
    return pairs


@functools.cache
def _alternatives(hint: Any) -> list[object]:  # noqa: ANN401 - a type, as typing passes it
    """The members of a union, out of NotRequired and nested unions."""
    origin = typing.get_origin(hint)
    if origin in (NotRequired, Required):
        return _alternatives(typing.get_args(hint)[0])
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        return [kind for member in typing.get_args(hint) for kind in _alternatives(member)]
    return [hint]


def _literals(kind: object) -> tuple[object, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


def _is_mapping(kind: object) -> bool:
    origin = typing.get_origin(kind)
    return origin is dict or getattr(origin, "__name__", "") == "UntypedStripeObject"


def _empty(path: str) -> ApiError:
    return invalid(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{path}' cannot be unset. You should remove '{path}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=path,
    )
