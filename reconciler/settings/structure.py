"""The shapes, looked at from outside: which fields are where. For complaints and for the reference."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from reconciler.settings import base, values


@dataclass(frozen=True, slots=True)
class Content:
    """What an annotation holds: a group of settings, or scalars of one shape; alone, by name, or in a list."""

    group: type[base.Settings] | None
    shape: values.Shape | None
    by_name: bool = False
    listed: bool = False


def by_key(model: type[base.Settings]) -> Mapping[str, FieldInfo]:
    """The fields of a model by the key that the file uses."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def content(field: FieldInfo) -> Content:
    return _content(field.annotation, field.metadata)


def _content(annotation: Any, metadata: list[Any]) -> Content:
    for shape in metadata:
        if isinstance(shape, values.Shape):
            return Content(None, shape)
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Annotated:
            return _content(arguments[0], list(arguments[1:]))
        case typing.Union | types.UnionType:  # only ever with None
            return _content(arguments[0], [])
        case origin if origin is dict:
            return Content(_content(arguments[1], []).group, None, by_name=True)
        case origin if origin is tuple:
            item = _content(arguments[0], [])
            return Content(item.group, item.shape, listed=True)
        case _:
            return Content(annotation, None)


def model_at(model: type[base.Settings], at: base.Path) -> type[base.Settings] | None:
    """The group that lies at a path; None where there is none."""
    here: type[base.Settings] | None = model
    steps: Iterator[str | int] = iter(at)
    for step in steps:
        field = by_key(here).get(str(step)) if here else None
        if field is None:
            return None
        found = content(field)
        here = found.group
        if found.by_name or found.listed:
            next(steps, None)  # the name, or the place in the list
    return here
