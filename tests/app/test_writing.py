"""YAML that kubectl reads as it was meant."""

import pytest

from reconciler import yamltext
from reconciler.app import writing
from reconciler.model import document

TEXTS = [
    "1e3",
    "0o7",
    "1_0",
    "1.5",
    "0x1f",
    "12",
    "true",
    "yes",
    "null",
    "~",
    "",
    " a",
    "a: b",
    "#",
    "a\nb\n",
    "1e999",
    ".",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text(text: str) -> None:
    written = writing.as_yaml({"a": text, text or "b": [text]})
    assert yamltext.load_all(written, "test")[0].value == {"a": text, text or "b": [text]}


def test_what_is_plain_is_written_so_and_nothing_twice_by_an_anchor() -> None:
    same: document.Json = {"name": "web"}
    assert writing.as_yaml({"a": same, "b": same, "count": 3, "t": True}) == (
        "a:\n  name: web\nb:\n  name: web\ncount: 3\nt: true\n"
    )
