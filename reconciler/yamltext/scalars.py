"""From the text of a scalar to its JSON value, as kubectl has it (resolve.go of go.yaml.in/yaml/v2)."""

import decimal
import re
from collections.abc import Mapping
from typing import Final

from yaml import events

from reconciler.yamltext import shapes

_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
}
_NOT_FINITE: Final = frozenset(
    sign + word
    for sign, words in (("", ".inf .Inf .INF .nan .NaN .NAN"), ("+", ".inf .Inf .INF"), ("-", ".inf .Inf .INF"))
    for word in words.split()
)
_NUMBER_START: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))|()0b([-+]?[01]+)", re.ASCII
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER_DIGITS: Final = 70  # more than 64 binary digits with some zeros; int() raises beyond 4,300
_YAML_TAG: Final = "tag:yaml.org,2002:"
MERGE_TAG: Final = f"{_YAML_TAG}merge"


class UnfitError(Exception):
    """A scalar that cannot become JSON as kubectl would have it; the text is `<what>; <remedy>`."""


def _integer(text: str) -> int | None:
    """What Go's `strconv.ParseInt(text, 0, 64)` reads after the underscores went, with yaml's own `0b+1`."""
    found = _INTEGER.fullmatch(text.replace("_", ""))
    if found is None:
        return None
    sign, binary, hexadecimal, octal, digits, _, signed_binary = found.groups()
    for part, base in ((binary, 2), (hexadecimal, 16), (octal, 8), (digits, 10), (signed_binary, 2)):
        if part is not None:
            value = int(part, base) if len(part) <= _INTEGER_DIGITS else 1 << 64
            value = -value if sign == "-" else value
            if not -(1 << 63) <= value < 1 << 63:
                raise UnfitError("an integer beyond 64 bits, which JSON would round; quote it to make it text")
            return value
    return None


def _float(text: str) -> int | float | None:
    """What kubectl's way through JSON makes of a float: an integer where the shortest digits name a 64-bit one."""
    if text in _NOT_FINITE:
        raise UnfitError("infinity and not-a-number have no place in JSON; write a number, or quote it")
    plain = text.replace("_", "")
    if not _FLOAT.fullmatch(plain):
        return None
    if text[:1] == "." and plain != text:  # kubectl reads `.5_0` as a number and `._5` as text
        raise UnfitError("a number or a text, depending on the reader; quote it, or drop the underscores")
    value = float(plain)
    if value in (float("inf"), float("-inf")):
        raise UnfitError("a number too large for a double, which kubectl would take for text; quote it")
    if value.is_integer() and abs(value) < 1e21:
        whole = int(decimal.Decimal(repr(value)))
        return whole if -(1 << 63) <= whole < 1 << 63 else value
    return value


def resolved(text: str) -> shapes.JsonScalar:
    """The JSON value of a plain scalar; raises UnfitError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    value = None if text[0] == "." else _integer(text)
    if value is not None:
        return value
    number = _float(text)
    return text if number is None else number


def tagged(tag: str, text: str) -> shapes.JsonScalar:
    """The JSON value of a scalar with an explicit tag; raises UnfitError."""
    name = tag.removeprefix(_YAML_TAG) if tag.startswith(_YAML_TAG) else ""
    if name == "str":
        return text
    if name not in ("bool", "int", "float", "null"):
        raise UnfitError("a tag that JSON has no type for; remove it, and write the value itself")
    value = resolved(text)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and text[:1] not in (".", "") and _integer(text) is not None,
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if not fits[name]:
        raise UnfitError(f"the value does not fit its tag !!{name}; correct the value, or remove the tag")
    return value


def key_text(event: events.Event, value: object) -> str:
    """The JSON key that kubectl makes of a resolved key; raises UnfitError."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and isinstance(event, events.ScalarEvent) and _integer(event.value) is not None:
        return str(value)
    if value is None:
        raise UnfitError("a null key; write the key, or quote it")
    if isinstance(value, int | float):
        raise UnfitError("a number as a key, whose spelling would change; quote it")
    raise UnfitError("a mapping or a sequence as a key; JSON keys are text")
