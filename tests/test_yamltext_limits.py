"""What would cost too much, leak a secret or end the daemon is refused in one way."""

import json
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import strategies

from reconciler import yamltext


def values(text: str | bytes, **limits: int) -> list[Any]:
    return [document.value for document in yamltext.load_all(text, "app.yaml", limits=yamltext.Limits(**limits))]


def problems(text: str | bytes, **limits: int) -> tuple[str, ...]:
    with pytest.raises(yamltext.YamlError) as caught:
        yamltext.load_all(text, "app.yaml", limits=yamltext.Limits(**limits))
    return caught.value.problems


BILLION_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)
MERGE_BOMB = "m0: &m0 {a: 1, b: {c: 1}}\n" + "".join(
    f"m{level}: &m{level}\n  x{level}: *m{level - 1}\n  y{level}: *m{level - 1}\n  <<: *m{level - 1}\n"
    for level in range(1, 33)
)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        *(
            (opening * count, "nested deeper")
            for count in (25_000, 1_000_000)
            for opening in ("[", "{", "- ", "? ", "{a: ")
        ),
        ("".join(f"{' ' * level}a:\n" for level in range(1_000)), "nested deeper"),
        (BILLION_LAUGHS, "aliases stand for too much"),
        (MERGE_BOMB, "aliases stand for too much"),
        ("a: &a b\nc: [" + "*a, " * 101 + "]", "more than 100 aliases"),
        ("a: &a '" + "x" * 900_000 + "'\nb: [" + "*a, " * 50 + "]", "aliases stand for too much"),
        ("a: " + "[" * 40 + "&a " + "[" * 20 + "]" * 60 + "\nb: " + "[" * 50 + "*a" + "]" * 50, "through aliases"),
        ("[" + "1," * 600_000 + "]", "more than 500000 values"),
        ("a: 1\n---\n" * 5_001, "more than 5000 documents"),
        ("---\n" * 5_001, "more than 5000 documents"),
        ("x" * (8 * 1024 * 1024 + 1), "larger than"),
        ("é" * (4 * 1024 * 1024 + 1), "larger than"),
        ("a: " + "x" * (1024 * 1024 + 1), "a text of more than"),
        ("a: '" + "é" * (512 * 1024 + 1) + "'", "a text of more than"),
        ("x" * (1024 * 1024 + 1) + ": 1", "more than"),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.row("YML-02", "YML-03")
def test_what_costs_too_much_is_refused(text: str, because: str) -> None:
    (problem,) = problems(text)
    assert because in problem


def test_limits_are_the_callers() -> None:
    assert values("[[a]]", depth=2) == [[["a"]]]
    assert "deeper than 1" in problems("[[a]]", depth=1)[0]
    assert "larger than 3" in problems("a: 1", bytes=3)[0]
    assert "more than 1 documents" in problems("a\n---\nb", documents=1)[0]
    assert values("[a, b]", nodes=3) == [["a", "b"]]
    assert "more than 2 values" in problems("[a, b]", nodes=2)[0]
    assert "aliases stand for too much" in problems("[&a [b], *a, *a]", nodes=6)[0]
    assert "more than 1 aliases" in problems("[&a b, *a, *a]", aliases=1)[0]
    assert "a text of more than 4 bytes" in problems("[abcd, abcde]", scalar_bytes=4)[0]


# --- secrets, hostile input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2: x\n",
        "password: 'hunter2\n",
        "password: !!binary hunter2\n",
        "password: !!int hunter2\n",
        "password: hunter2\npassword: hunter2\n",
        "stringData:\n  password: @hunter2\n",
        "--- hunter2\n",
        "a: hunter2\x00\n",
        "password: {hunter2: [}\n",
        "password: 1e999\n",
    ],
)
@pytest.mark.row("YML-17")
def test_no_problem_quotes_a_value(text: str) -> None:
    with pytest.raises(yamltext.YamlError) as caught:
        yamltext.load_all(text, "app.yaml")
    told = str(caught.value) + repr(caught.value)
    assert "hunter2" not in told
    assert "1e999" not in told


def test_a_long_or_odd_key_is_shown_short_and_escaped() -> None:
    key = "k\u202e" + "x" * 500
    (problem,) = problems(f"{key}: 1\n{key}: 2\n")
    assert len(problem) < 200
    assert "\u202e" not in problem


TOKENS = (
    *(
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "<<: ",
        "|",
        ">",
        "'",
        '"',
        "\n",
        "\n  ",
        " ",
    ),
    *(
        "!!int ",
        "!!str ",
        "!!timestamp ",
        "!!bool foo",
        "!!int ''",
        "! ",
        "!a ",
        "%YAML 1.1\n",
        "\n---\n",
        "\n...\n",
        "#",
    ),
    *(
        "2021-13-45",
        "0x",
        "0b2",
        "._9",
        "1e999",
        ".inf",
        "=",
        "~",
        "9" * 30,
        "\t",
        "\r",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
    ),
    *("\\", "@", "`", "é", "\ud800", "\U0010ffff", "[[[[[[[[[[", "- - - - - - "),
)


def one_error_or_json(text: str | bytes) -> None:
    try:
        documents = yamltext.load_all(text, "x")
        yamltext.load_with_positions(text, "x")
    except yamltext.YamlError as error:
        assert error.problems
        return
    json.dumps([document.value for document in documents], allow_nan=False)


@hypothesis.given(strategies.lists(strategies.sampled_from(TOKENS), max_size=25).map("".join))
@hypothesis.settings(max_examples=2000, deadline=None, database=None)
@pytest.mark.row("YML-07")
def test_a_soup_of_tokens_gives_json_or_the_one_error(text: str) -> None:
    one_error_or_json(text)


@hypothesis.given(strategies.text() | strategies.binary())
@hypothesis.settings(max_examples=500, deadline=None, database=None)
@pytest.mark.row("YML-07")
def test_anything_gives_json_or_the_one_error(text: str | bytes) -> None:
    one_error_or_json(text)


JSON_VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(min_value=-(2**63), max_value=2**63 - 1)
    | strategies.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=15,
)


@hypothesis.given(strategies.dictionaries(strategies.text(max_size=200), JSON_VALUES, max_size=4))
@hypothesis.settings(max_examples=300, deadline=None, database=None)
def test_what_a_yaml_writer_quotes_comes_back(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    assert values(text) == [value]
