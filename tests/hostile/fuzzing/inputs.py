"""What outsiders may send: good examples with something wrong in them, since what is garbage from its first byte gets
no further than the first check."""

import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

DEEP: Any = "bottom"  # 260 levels: orjson reads 1,024 and writes 254
for _ in range(130):
    DEEP = {"a": [DEEP]}

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 1.5, -0.0, 1e300),
    *("", " ", "a", "0", "1", "-1", "true", "null", "9" * 400, "\0", "\n", "\x1f", "é", "e\u0301", "\u202e", "\ufeff"),
    *("../x", "/etc/passwd", "a/b", "a:b", ":", "k:{", 'k:{"name":"app"}', "k:[]", 'v:"a"', "f:", ".", "*", "[*]"),
    *("${A}", "${", "{{ x }}", "x" * 300, "0.1", "1Gi", "50%", "1e3", "2026-01-01T00:00:00Z", "2026-13-45", "-"),
    *([], {}, [None], [[]], [{}], {"": None}, {"a": {}}, {".": {}}, [1, "a"], DEEP),
)
"""Values that are wrong nearly everywhere."""

KEYS = (
    *("", ".", "a", "name", "namespace", "kind", "apiVersion", "metadata", "spec", "status", "items", "annotations"),
    *("labels", "f:metadata", "k:{", 'k:{"name":"app"}', "v:1", "$ref", "\0", "a.b/c", "<<", "x" * 300),
)

TOKENS = (
    *("\0", "\n", "\r", "\t", " ", "\x1b[2J", "\x1f", "\ufeff", "\u2028", "\ud800", "é", "\u0301", "💥"),
    *("-", "--", "---\n", "...\n", ":", ": ", "? ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: *a", "!!int ", "!!x "),
    *("|", ">", "'", '"', "#", "%", "%YAML 1.1\n", "@", "`", "\\", "/", "../", "${", "}", "{{", "}}", "(", ")", "*"),
    *("0", "1", "-1", "9" * 5000, "0x", "1e999", ".inf", "null", "~", "true", "a" * 2000, "[" * 300, "{a: " * 300),
    *("\\udcff", "=", ",", ";", "&&", "||", "!", "in", "has(", ".all(x, ", "sops:", "mac:", "ENC[AES256_GCM,"),
)


def mangled(good: Sequence[Any], *, most: int = 4) -> st.SearchStrategy[Any]:
    """One of the documents, with up to `most` wounds. No text of it holds a lone surrogate: no reader lets one in."""
    return _mangled(good, most).map(whole)


def whole(value: Any) -> Any:
    """Without lone surrogates, as everything is that was read from UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [whole(each) for each in value]
    if isinstance(value, dict):
        return {whole(key): whole(each) for key, each in value.items()}
    return value


@st.composite
def _mangled(draw: st.DrawFn, good: Sequence[Any], most: int) -> Any:
    value = copy.deepcopy(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(0, most))):
        value = _wounded(draw, value, good)
    return value


def _wounded(draw: st.DrawFn, value: Any, good: Sequence[Any]) -> Any:
    """Somewhere on the way down, by chance, something is other than it should be."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value, key=str)))
        match draw(st.integers(0, 9)):
            case 0:
                del value[key]
            case 1:
                value[draw(st.sampled_from(KEYS))] = value.pop(key)
            case 2:
                value[draw(st.sampled_from(KEYS))] = _odd(draw, good)
            case _:
                value[key] = _wounded(draw, value[key], good)
        return value
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(value) - 1))
        match draw(st.integers(0, 9)):
            case 0:
                del value[at]
            case 1:
                value.append(copy.deepcopy(value[at]))
            case 2:
                value.insert(at, _odd(draw, good))
            case _:
                value[at] = _wounded(draw, value[at], good)
        return value
    if isinstance(value, str) and draw(st.booleans()):
        return draw(text([value]))
    return _odd(draw, good)


def _odd(draw: st.DrawFn, good: Sequence[Any]) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return copy.deepcopy(draw(st.sampled_from(good)))
    return copy.deepcopy(draw(st.sampled_from(ODD)))


@st.composite
def text(draw: st.DrawFn, good: Sequence[str], *, most: int = 4) -> str:
    """One of the texts, with up to `most` cuts, insertions and repetitions."""
    value = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, most))):
        begin, end = sorted((draw(st.integers(0, len(value))), draw(st.integers(0, len(value)))))
        match draw(st.integers(0, 5)):
            case 0:
                value = value[:begin] + value[end:]
            case 1:
                value = value[:end] + value[begin:]
            case 2:
                value = value[:begin] + draw(st.text(max_size=8)) + value[end:]
            case 3:
                other = draw(st.sampled_from(good))
                value = value[:begin] + other[len(other) // 2 :]
            case _:
                value = value[:begin] + draw(st.sampled_from(TOKENS)) + value[begin:]
    return value


def raw(good: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """The same for bytes."""
    return text([one.decode("latin-1") for one in good]).map(
        lambda value: value.encode("utf-8", "replace")
    ) | st.binary(max_size=200)
