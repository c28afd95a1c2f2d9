"""Text → settings, or every complaint about the text at once, each with its line and a remedy."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from reconciler import errors, yamltext
from reconciler.settings import base, structure, values

Model = TypeVar("Model", bound=base.Settings)


def load(model: type[Model], text: str | bytes, *, where: str) -> Model:
    """The settings in `text`, a YAML file of the shape `model`.

    `where` names the file in complaints. Raises `errors.InvalidInput` (`yamltext.YamlError` when it is no YAML) with
    one `<file>:<line>: <dotted.path>: <what is wrong>; <remedy>` for each complaint, in the order of the file.
    """
    raw, positions = yamltext.load_with_positions(text, where)
    origin = base.Origin(where, positions.line)
    complaints: list[base.Complaint] = []
    loaded: Model | None = None
    try:
        loaded = model.model_validate(raw)
    except pydantic.ValidationError as error:
        complaints += [_complaint(model, details) for details in error.errors(include_url=False)]
    complaints += model.across(raw)
    if loaded is None or complaints:
        complaints.sort(key=lambda complaint: positions.line(complaint.at))
        raise errors.InvalidInput(tuple(origin.sentence(complaint) for complaint in complaints))
    return loaded.read_from(origin)


def _complaint(model: type[base.Settings], details: Mapping[str, Any]) -> base.Complaint:
    """One of pydantic's errors in our words. Its input is not quoted here: a mistyped key may well hold a password."""
    at: base.Path = details["loc"]
    if at and at[-1] == "[key]":  # pydantic's way to say that the key itself is wrong
        at = at[:-1]
    match details["type"]:
        case "value_error":
            text = str(details["ctx"]["error"])
        case "missing":
            text = _missing(model, at)
        case "extra_forbidden":
            text = _unknown(model, at)
        case "model_type" | "dict_type":
            text = f"is {_kind(details['input'])} where a mapping is wanted; write its keys below it, or remove it"
        case "tuple_type":
            text = f"is {_kind(details['input'])} where a list is wanted; write [..], or remove it"
        case "too_short":
            text = "is empty; name at least one"
        case "too_long":
            text = f"has more than {details['ctx']['max_length']} items; remove some"
        case _:
            text = f"{details['msg']}; correct it"
    return base.Complaint(at, text)


def _missing(model: type[base.Settings], at: base.Path) -> str:
    parent = structure.model_at(model, at[:-1])
    field = structure.by_key(parent).get(str(at[-1])) if parent else None
    example = f", for example `{at[-1]}: {field.examples[0]}`" if field and field.examples else ""
    return f"is required; add it{example}"


def _unknown(model: type[base.Settings], at: base.Path) -> str:
    parent = structure.model_at(model, at[:-1])
    known = tuple(structure.by_key(parent)) if parent else ()
    return f"unknown key; {values.suggestion(str(at[-1]), known) or 'known here: ' + ', '.join(known)}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "a single value"
