"""`${NAME}` in manifests: strict, one scalar at a time, only where the application asks for it (docs/decisions/0032).

Blind replacement in the text changes scripts and definitions (rows.toml REN-15), and lets a value open other YAML.
"""

import difflib
import re

from reconciler import yamltext
from reconciler.model import document, targets
from reconciler.settings import application, environment

SPARED = ("reconciler.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute")
"""Labels or annotations that say `disabled` on an object that is left alone; Flux's own word counts."""

_OPENED = re.compile(r"\$?\$\{")
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::[-=]([^{}]*))?\}")
_STAYS = "write $${ where the text is to stay as it is"


def fill(target: targets.Target) -> yamltext.Fill | None:
    """What stands for the variables of `target`; None where its source does not ask for it."""
    if isinstance(target.source, targets.Chart) or not target.source.substitute:
        return None
    filler = _Filler(dict(target.variables), folder=target.folder)
    return yamltext.Fill(filler.scalar, _spared)


class _Filler:
    def __init__(self, known: dict[str, targets.Variable], *, folder: str) -> None:
        self._known = known
        self._files = f"{folder}/{application.FILE} or {folder.rpartition('/')[0]}/{environment.FILE}"

    def scalar(self, text: str, plain: bool) -> document.JsonScalar:
        """A variable that is all of a plain scalar keeps its type; within other text, and in quotes, it is text."""
        whole = _NAMED.fullmatch(text, 2) if plain and text.startswith("${") else None
        if whole is not None:
            value, default = self._value(whole, at=0)
            return yamltext.plain(str(value)) if default else value
        parts, end = [], 0
        for opened in _OPENED.finditer(text):
            if opened.start() < end:
                continue
            parts.append(text[end : opened.start()])
            if opened[0] == "$${":
                parts.append("${")
                end = opened.end()
                continue
            named = _NAMED.match(text, opened.end())
            if named is None:
                raise yamltext.Unfilled(f"${{ without a variable's name and }}; {_STAYS}", at=opened.start())
            parts.append(_as_text(self._value(named, at=opened.start())[0]))
            end = named.end()
        return "".join((*parts, text[end:]))

    def _value(self, named: re.Match[str], *, at: int) -> tuple[targets.Variable, bool]:
        """The value, and whether it is the default: of a variable that is not declared, or is empty text."""
        name, default = named[1], named[2]
        value = self._known.get(name)
        if default is not None and value in (None, ""):
            return default, True
        if value is None:
            near = difflib.get_close_matches(name, self._known, n=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else f"add it to `variables` in {self._files}"
            raise yamltext.Unfilled(f"the variable {name} is not declared; {hint}, or {_STAYS}", at=at)
        return value, False


def _as_text(value: targets.Variable) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _spared(value: document.JsonValue) -> bool:
    if not isinstance(value, dict):
        return False
    said = (document.mapping(value, "metadata", words) for words in ("labels", "annotations"))
    return any(words.get(key) == "disabled" for words in said for key in SPARED)
