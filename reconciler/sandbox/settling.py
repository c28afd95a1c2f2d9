"""What storing does to a built-in object beside its defaults, as its passage through Go's structs shows: structs that
are always there, lists and maps that go when they are empty, nulls that go, quantities in their one form."""

import re
from decimal import Decimal

from reconciler.model import document
from reconciler.sandbox import shapes


def settle(body: document.Json, shape: shapes.Shape) -> None:
    """In place."""
    gone: list[str] = []
    for name, value in body.items():
        its = shape.value(name)
        if its is not None and type(value) in its.plain:
            continue
        if not value and _nothing(value, its, name in shape.required):
            gone.append(name)
        elif its is not None:
            body[name] = _settled(value, its)
    for name in gone:
        del body[name]
    for name in shape.skeletons():
        if name not in body:
            reset(body, name, shape)


def unsaid(body: document.JsonValue, shape: shapes.Shape) -> None:
    """What Go does not tell from nothing, in place: of many fields the zero, and null of every one. In a mapping of
    free names null is the zero of its type."""
    if isinstance(body, dict) and shape.what is shapes.What.MAP:
        for name in [name for name, value in body.items() if not value and not isinstance(value, dict | list)]:
            its = shape.field(name)
            if its is None:
                if body[name] is None:
                    body[name] = _ZEROS.get(getattr(shape.others(), "type", ""))
            elif its.unsaid if body[name] is not None else name not in shape.required:
                del body[name]
        for name, value in body.items():
            if isinstance(value, dict | list) and (its := shape.value(name)) is not None:
                unsaid(value, its)
    elif isinstance(body, list) and shape.what is shapes.What.LIST:
        for item in body:
            unsaid(item, shape.item())


_ZEROS: document.Json = {"string": "", "integer": 0, "number": 0, "boolean": False}


WRITTEN_WHEN_EMPTY = {("rbac.authorization.k8s.io/v1", kind): "rules" for kind in ("Role", "ClusterRole")}
"""Lists that Go writes as null when there is nothing in them, where others go; no schema tells them apart."""


def stored(body: document.Json, shape: shapes.Shape) -> None:
    """A whole object as it is stored, in place."""
    settle(body, shape)
    name = WRITTEN_WHEN_EMPTY.get((document.text(body, "apiVersion"), document.text(body, "kind")))
    if name is not None:
        body.setdefault(name, None)


def reset(body: document.Json, name: str, shape: shapes.Shape) -> None:
    """A field as it is where nobody has written anything in it."""
    body.pop(name, None)
    its = shape.field(name)
    if its is not None and its.skeleton:
        empty: document.Json = {}
        settle(empty, its)
        body[name] = empty


def _nothing(value: document.JsonValue, shape: shapes.Shape | None, required: bool) -> bool:
    if value is None:
        return not required
    if value or required or shape is None:
        return False
    return value == [] or (value == {} and shape.what is shapes.What.MAP and not shape.declared)


def _settled(value: document.JsonValue, shape: shapes.Shape) -> document.JsonValue:
    if isinstance(value, dict):
        if shape.what is shapes.What.MAP:
            settle(value, shape)
        return value
    if isinstance(value, list):
        if shape.what is shapes.What.LIST:
            its = shape.item()
            if its.what is not shapes.What.SCALAR:
                value[:] = [_settled(item, its) for item in value]
        return value
    if shape.quantity and value is not None:
        return quantity(value)
    if shape.type == "integer" and isinstance(value, float) and value == int(value):
        return int(value)
    return value


def complete(body: document.JsonValue, shape: shapes.Shape) -> None:
    """The defaults that a definition's schema gives a custom object, in place, at every level that is there."""
    if isinstance(body, dict) and shape.what is shapes.What.MAP:
        for name in shape.declared:
            its = shape.field(name)
            if name not in body and its is not None and its.schema.get("default") is not None:
                body[name] = document.decode(document.encode({"it": its.schema["default"]}))["it"]
        for name, value in body.items():
            if (its := shape.value(name)) is not None:
                complete(value, its)
    elif isinstance(body, list) and shape.what is shapes.What.LIST:
        for item in body:
            complete(item, shape.item())


BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
QUANTITY = re.compile(r"^([+-]?[0-9]*\.?[0-9]*)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)$")
EXPONENT = re.compile(r"^([+-]?[0-9]*\.?[0-9]*)[eE]([+-]?[0-9]+)$")


def quantity(value: document.JsonValue) -> document.JsonValue:
    """In canonical form: no fraction, and the greatest suffix that allows it. What is no quantity is left alone."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value)
    if text in _KNOWN:
        return _KNOWN[text]
    found = _canonical(text)
    if len(_KNOWN) < _MOST_KNOWN:
        _KNOWN[text] = found
    return found


_KNOWN: dict[str, str] = {}
_MOST_KNOWN = 4096


def amount(value: document.JsonValue) -> Decimal:
    """How much a quantity is. Raises ValueError for what is none."""
    text = str(value)
    if (exponent := EXPONENT.match(text)) and exponent[1].strip("+-."):
        return Decimal(exponent[1]) * Decimal(10) ** int(exponent[2])
    found = QUANTITY.match(text)
    if not found or not found[1].strip("+-."):
        raise ValueError(f"{text!r} is no quantity")
    if found[2] in BINARY:
        return Decimal(found[1]) * Decimal(1024) ** BINARY[found[2]]
    return Decimal(found[1]) * Decimal(1000) ** DECIMAL[found[2]]


def _canonical(text: str) -> str:
    try:
        number = amount(text)
    except ValueError:
        return text
    if EXPONENT.match(text):
        return _written(number, {f"e{3 * power}" if power else "": power for power in range(-3, 7)}, 1000)
    if text.endswith(tuple(BINARY)) and abs(number) >= 1024:
        return _written(number, {"": 0, **BINARY}, 1024)
    return _written(number, DECIMAL, 1000)


def _written(number: Decimal, suffixes: dict[str, int], base: int) -> str:
    if not number:
        return "0"
    for suffix, power in sorted(suffixes.items(), key=lambda pair: -pair[1]):
        scaled = number / Decimal(base) ** power
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(number / Decimal(base) ** -3) + 1}n"
