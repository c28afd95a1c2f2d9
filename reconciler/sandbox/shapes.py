"""What a kind's objects look like, and by which rules they are merged: read from OpenAPI, part by part as asked for.

Of built-in kinds the schemas are those that the real API server publishes; of custom ones those of their definition.
"""

import enum
import re
from collections.abc import Mapping

from reconciler.model import document


class Definitions:
    """The schemas that others refer to by name, and the shapes made of them: one of each, however often it is named."""

    def __init__(self, schemas: Mapping[str, document.JsonValue]) -> None:
        self._schemas = schemas
        self._made: dict[tuple[str, bool], Shape] = {}

    def shape(self, name: str, *, default: document.JsonValue, built_in: bool) -> "Shape":
        key = (name, default == {})
        if key not in self._made:
            found = self._schemas.get(name)
            schema = found if isinstance(found, dict) else {}
            self._made[key] = Shape(schema, self, default=default, built_in=built_in)
        return self._made[key]


class What(enum.Enum):
    SCALAR = "scalar"
    LIST = "list"
    MAP = "map"
    ANY = "any"  # whatever comes: mappings by their keys, lists as a whole


SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "string"),
    "integer": ((int, float), "numeric (int or float)"),
    "number": ((int, float), "numeric (int or float)"),
    "boolean": ((bool,), "boolean"),
}


LIMITS = frozenset({"enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"})


class Shape:
    """One place in an object. `atomic`: it has one owner as a whole."""

    __slots__ = (
        "_below",
        "_definitions",
        "_every",
        "_properties",
        "_skeletons",
        "atomic",
        "built_in",
        "keys",
        "limited",
        "plain",
        "quantity",
        "required",
        "schema",
        "skeleton",
        "type",
        "unsaid",
        "what",
    )

    def __init__(
        self, schema: document.Json, definitions: Definitions, *, default: document.JsonValue, built_in: bool
    ) -> None:
        self.schema = schema
        self.built_in = built_in
        self._definitions = definitions
        self._properties = document.mapping(schema, "properties")
        self._below: dict[str, Shape | None] = {}
        self._every: Shape | None = None
        self._skeletons: tuple[str, ...] | None = None
        self.quantity = any(
            isinstance(one, dict) and one.get("type") == "number" for one in document.items(schema, "oneOf")
        )
        self.type = _type(schema)
        self.what = _what(schema, self.type)
        self.plain = _plain(self)
        """Types of values that are right here, with nothing below them to look at and nothing to settle."""
        self.atomic = schema.get("x-kubernetes-map-type") == "atomic"
        if self.what is What.LIST:
            self.atomic = schema.get("x-kubernetes-list-type") not in ("map", "set")
        self.limited = not built_in or not LIMITS.isdisjoint(schema)
        self.required = frozenset(name for name in document.items(schema, "required") if isinstance(name, str))
        self.unsaid = built_in and schema.get("x-omit-zero") is True
        """A Go value, no pointer, that is not shown when it is zero."""
        self.skeleton = built_in and default == {}
        """A Go struct that is always there, empty where nobody set anything in it."""
        self.keys: tuple[tuple[str, document.JsonValue], ...] = ()
        if self.what is What.LIST and schema.get("x-kubernetes-list-type") == "map":
            named = [str(name) for name in document.items(schema, "x-kubernetes-list-map-keys")]
            self.keys = tuple((name, self.item().default_of(name)) for name in sorted(named))

    def field(self, name: str) -> "Shape | None":
        """A declared field of a mapping; None where it declares none of that name."""
        if name not in self._below:
            found = self._properties.get(name)
            self._below[name] = self._made(found) if isinstance(found, dict) else None
        return self._below[name]

    @property
    def declared(self) -> Mapping[str, document.JsonValue]:
        return self._properties

    @property
    def optional(self) -> bool:
        """Whether a field that the schema requires may be left out all the same, because Go fills it in."""
        return self.skeleton or (self.built_in and self.what is What.LIST)

    def skeletons(self) -> tuple[str, ...]:
        """The declared fields that are always there."""
        if self._skeletons is None:
            found = [(name, self.field(name)) for name in self._properties if self.built_in]
            self._skeletons = tuple(name for name, shape in found if shape is not None and shape.skeleton)
        return self._skeletons

    def value(self, name: str) -> "Shape | None":
        """The shape of what a mapping holds under that name; None where it may not hold it."""
        return self.field(name) or self.others()

    def others(self) -> "Shape | None":
        """The shape of what a mapping holds under names that are not declared."""
        if self.what is What.ANY:
            return self
        if self._every is None:
            found = self.schema.get("additionalProperties")
            if isinstance(found, dict):
                self._every = self._made(found)
            elif self.schema.get("x-kubernetes-preserve-unknown-fields") or not (self._properties or found is False):
                self._every = ANY
        return self._every

    def item(self) -> "Shape":
        """The shape of a list's items."""
        if self._every is None:
            found = self.schema.get("items")
            self._every = self._made(found) if isinstance(found, dict) else ANY
        return self._every

    def refuses(self, value: document.JsonValue) -> str:
        """Why the schema does not allow this value, types aside; '' when it does."""
        schema = self.schema
        if not self.limited:
            return ""
        if value is None:
            return "" if self.built_in or schema.get("nullable") is True or not self.type else "Invalid value: null"
        if (allowed := schema.get("enum")) and isinstance(allowed, list) and value not in allowed:
            return f"Unsupported value: {document.encode(value).decode()}: supported values: {_listed(allowed)}"
        for word, size in _sizes(value):
            limit = schema.get(word)
            if isinstance(limit, int | float) and (size < limit if word.startswith("min") else size > limit):
                return f"Invalid value: {document.encode(value).decode()}: {word} is {limit}"
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and isinstance(value, str) and not re.search(pattern, value):
            return f"Invalid value: {document.encode(value).decode()}: should match '{pattern}'"
        return ""

    def default_of(self, name: str) -> document.JsonValue:
        """The default of a declared scalar; None where it has none. Of a Go field that must be written it is the zero:
        an item without its key is an item of that key, and what is wrong with it is said later."""
        found = self._properties.get(name)
        return found.get("default") if isinstance(found, dict) else None

    def _made(self, schema: document.Json) -> "Shape":
        reference = schema.get("$ref")
        default = schema.get("default")
        if isinstance(reference, str):
            return self._definitions.shape(reference, default=default, built_in=self.built_in)
        return Shape(schema, self._definitions, default=default, built_in=self.built_in)


def _listed(values: list[document.JsonValue]) -> str:
    return ", ".join(document.encode(value).decode() for value in values)


def _sizes(value: document.JsonValue) -> tuple[tuple[str, float], ...]:
    if isinstance(value, str):
        return ("minLength", len(value)), ("maxLength", len(value))
    if isinstance(value, list):
        return ("minItems", len(value)), ("maxItems", len(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ("minimum", value), ("maximum", value)
    return ()


def _type(schema: document.Json) -> str:
    """'' for a scalar of any type."""
    if schema.get("x-kubernetes-int-or-string") or schema.get("oneOf") or schema.get("format") == "int-or-string":
        return ""
    return document.text(schema, "type")


def _plain(shape: Shape) -> frozenset[type]:
    if shape.what is not What.SCALAR or shape.quantity:
        return frozenset()
    return PLAIN.get(shape.type, frozenset())


PLAIN = {"string": frozenset({str}), "integer": frozenset({int}), "boolean": frozenset({bool})}


def _what(schema: document.Json, of_type: str) -> What:
    if of_type == "array":
        return What.LIST
    if of_type == "object" and (
        "properties" in schema or "additionalProperties" in schema or "x-kubernetes-preserve-unknown-fields" in schema
    ):
        return What.MAP
    if of_type == "object" or (not of_type and schema.get("x-kubernetes-preserve-unknown-fields")) or not schema:
        return What.ANY
    return What.SCALAR


ANY = Shape({}, Definitions({}), default=None, built_in=False)
