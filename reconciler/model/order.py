"""What Git says of the order in which objects are applied: the annotations, and what they mean."""

import re
from collections.abc import Mapping

WAVE = "reconciler.dev/wave"
ARGO_WAVE = "argocd.argoproj.io/sync-wave"
"""Understood for people who move over."""

NUMBER = re.compile(r"[+-]?[0-9]{1,6}")
"""A wave or a weight."""


def number(text: object) -> int | None:
    """The whole number that an annotation holds; None when it holds none."""
    found = text.strip() if isinstance(text, str) else ""
    return int(found) if NUMBER.fullmatch(found) else None


def wave(annotations: Mapping[str, object]) -> int:
    """The wave of an object that is live already; 0 where its annotations name none."""
    named = annotations.get(WAVE, annotations.get(ARGO_WAVE))
    return number(named) or 0 if named is not None else 0
