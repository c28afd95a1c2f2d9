"""Secrets: plain text becomes what the server stores, so that fields can be owned, compared and pruned."""

import base64
import binascii

from reconciler.model import document


def stored(value: document.Json) -> tuple[document.Json, tuple[str, ...]]:
    """A Secret with `stringData` turned into `data`, which it overrides, and what is wrong with it.

    Left as it is, `stringData` would be owned instead of `data`: dropped keys stay and foreign edits never conflict
    (as seen on Kubernetes 1.36). Problems name keys, never values.
    """
    data, text = value.get("data", {}), value.get("stringData", {})
    problems = [
        f"{field} is no mapping; write key: text"
        for field, held in (("data", data), ("stringData", text))
        if not isinstance(held, dict)
    ]
    if problems or not isinstance(data, dict) or not isinstance(text, dict):
        return value, tuple(problems)
    problems += [
        f"data.{key} is not base64; encode it, or move it to stringData" for key in data if not _base64(data[key])
    ]
    problems += [
        f"stringData.{key} is no text; put the value in quotes" for key in text if not isinstance(text[key], str)
    ]
    encoded: document.Json = {
        key: base64.b64encode(plain.encode()).decode() for key, plain in text.items() if isinstance(plain, str)
    }
    rest = {key: held for key, held in value.items() if key not in ("data", "stringData")}
    return ({**rest, "data": {**data, **encoded}} if data or encoded else rest), tuple(problems)


def _base64(value: document.JsonValue) -> bool:
    """As Go decodes it: line breaks are allowed, anything else outside the alphabet is not."""
    if not isinstance(value, str):
        return False
    try:
        base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
