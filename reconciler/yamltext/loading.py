"""The two ways in: many documents, fast; or one settings file with the line of every key."""

import re

from reconciler.yamltext import loader, places, scalars, shapes

PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
"""A character beyond the first 65,536, as JSON escapes it: YAML knows no such pairs, and kubectl reads JSON as JSON."""


def load_all(
    text: str | bytes,
    where: str,
    *,
    limits: shapes.Limits = shapes.DEFAULT_LIMITS,
    fill: shapes.Fill | None = None,
) -> tuple[shapes.Document, ...]:
    """All documents of `text`, null ones skipped as kubectl does; raises YamlError with every problem found.

    `where` names the text in problems: a path, or what produced it. No two places of the result share a container.
    """
    string = _checked(text, where, limits=limits)
    if fill is None or "${" not in string:
        return tuple(loader.Loader(string, where, limits=limits).load())
    written = loader.Loader(string, where, limits=limits).load()
    spared = frozenset(each.line for each in written if fill.spares(each.value))
    return tuple(loader.Loader(string, where, limits=limits, fill=fill, spared=spared).load())


def plain(text: str) -> shapes.JsonScalar:
    """What a plain scalar of that text stands for. Raises Unfilled."""
    try:
        return scalars.resolved(text)
    except scalars.UnfitError as unfit:
        raise shapes.Unfilled(str(unfit), at=0) from None


def load_with_positions(
    text: str | bytes, where: str, *, limits: shapes.Limits = shapes.DEFAULT_LIMITS
) -> tuple[shapes.JsonValue, shapes.Positions]:
    """The only document of `text`, a settings file, and where its keys stand; raises YamlError."""
    string = _checked(text, where, limits=limits)
    documents = loader.Loader(string, where, limits=limits).load()
    if not documents:
        raise shapes.YamlError((f"{where}:1: the file holds no document; write its settings, or {{}} for none",))
    if len(documents) > 1:
        second = documents[1].line
        raise shapes.YamlError((f"{where}:{second}: a second document; keep one document in a settings file",))
    lines: dict[shapes.Path, int] = {}
    for path, mark in places.places(string):
        if not path and lines:
            break  # a null document after the real one
        if path or mark.line + 1 == documents[0].line:  # not the root of a null document before it
            lines.setdefault(path, mark.line + 1)
    return documents[0].value, shapes.Positions(lines)


def _checked(text: str | bytes, where: str, *, limits: shapes.Limits) -> str:
    """UTF-8 within the limits, without a byte order mark, whose documents are separated as kubectl separates them."""
    too_large = f"{where}:1: the text is larger than {limits.bytes} bytes; split it"
    if len(text) > limits.bytes:
        raise shapes.YamlError((too_large,))
    try:
        string = text if isinstance(text, str) else text.decode()
        size = len(string.encode())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise shapes.YamlError((f"{where}:{line}: the text is not UTF-8; save the file as UTF-8",)) from None
    except UnicodeEncodeError as error:
        line = error.object[: error.start].count("\n") + 1
        raise shapes.YamlError((f"{where}:{line}: half a character (a lone surrogate); remove it",)) from None
    if size > limits.bytes:
        raise shapes.YamlError((too_large,))
    string = string.removeprefix("\ufeff")
    if (mark := string.find("\ufeff")) >= 0:
        line = string.count("\n", 0, mark) + 1
        raise shapes.YamlError((f"{where}:{line}: a byte order mark within the text; remove it",))
    _refuse_odd_separators(string, where)
    # kubectl reads line by line and ends every line alike: a block scalar at the end of a file without a final newline
    # has one nevertheless.
    string = string.replace("\r\n", "\n")
    if string.lstrip().startswith("{"):
        string = PAIR.sub(_joined, string)
    return string if string.endswith("\n") else string + "\n"


def _joined(pair: re.Match[str]) -> str:
    """The pair as YAML's one escape."""
    high, low = int(pair[2], 16) - 0xD800, int(pair[3], 16) - 0xDC00
    return f"{pair[1]}\\U{0x10000 + (high << 10) + low:08x}"


def _refuse_odd_separators(string: str, where: str) -> None:
    """kubectl splits the text at lines that begin with `---` before it parses, and knows only `---` and `--- # text`.

    YAML allows `--- text`, and takes `---text` for a value: kubectl 1.36 stops at the first, 1.32 skipped documents.
    """
    at = 0 if string.startswith("---") else string.find("\n---") + 1
    while string.startswith("---", at):
        end = string.find("\n", at)
        rest = string[at + 3 : end if end >= 0 else None]
        words = rest.strip(" \t\r")
        if (words and not words.startswith("#")) or rest[:1] not in ("", " ", "\t", "\r"):
            line = string.count("\n", 0, at) + 1
            raise shapes.YamlError((f"{where}:{line}: text follows ---; begin the document on the next line",))
        if not (at := string.find("\n---", at) + 1):
            return
