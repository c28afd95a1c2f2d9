"""From libyaml's events to JSON values, without recursion, refusing as it goes."""

from collections.abc import Collection
from typing import Any, Final

import yaml
from yaml import events, reader

from reconciler.yamltext import places, scalars, shapes

SHOWN_PROBLEMS: Final = 20  # a longer list helps nobody
SHOWN_KEY: Final = 80  # characters
TEMPLATE: Final = " (if {{ … }} is a template: those of charts are rendered, plain files are read as they are)"
_MISSING: Final[Any] = object()  # no key is open, or nothing is remembered
_MERGE: Final[Any] = object()  # the plain key `<<`
_TAGS: Final[dict[type, str]] = {dict: "tag:yaml.org,2002:map", list: "tag:yaml.org,2002:seq"}
# The loop compares the type of every event; names of the module are found faster than attributes of another.
_SCALAR, _ALIAS, _DOCUMENT, _END = (
    events.ScalarEvent,
    events.AliasEvent,
    events.DocumentStartEvent,
    events.StreamEndEvent,
)
_MAPPING, _SEQUENCE = events.MappingStartEvent, events.SequenceStartEvent
_MAPPING_END, _SEQUENCE_END = events.MappingEndEvent, events.SequenceEndEvent


class _Stop(Exception):  # noqa: N818 - no error of its own: the problem is noted already
    """Nothing behind this point can be understood, or is worth the cost."""


class Loader:
    """Reads one text once; `load` raises YamlError with every problem that was met."""

    def __init__(
        self,
        text: str,
        where: str,
        *,
        limits: shapes.Limits,
        fill: shapes.Fill | None = None,
        spared: Collection[int] = (),
    ) -> None:
        """`spared`: the first lines of documents that `fill` leaves alone."""
        self.text = text
        self.where = where
        self.limits = limits
        self.fill = fill
        self.spared = spared
        self.problems: list[tuple[int, str]] = []  # (1-based line, "<what>; <remedy>")
        self.repeated: dict[int, tuple[int, str]] = {}  # character index of a repeated key → its line and the key
        self.memo: dict[str, shapes.JsonScalar] = {}  # dies with the text: manifests hold secrets
        self.anchors: dict[str, Any] = {}
        self.started = 0  # documents, null ones too
        self.aliases = 0  # in this document
        self.aliased_bytes = 0  # of all the text that aliases repeat
        # id(mapping) → (the mapping, which keys came by merge and may still be set once); holding it keeps the id taken
        self.merged: dict[int, tuple[dict[str, Any], set[str]]] = {}

    def load(self) -> list[shapes.Document]:
        """All documents but the null ones."""
        documents: list[shapes.Document] = []
        try:
            documents = self._read()
        except _Stop:
            pass
        except reader.ReaderError as error:
            line = self.text.encode()[: error.position].count(b"\n") + 1
            self.problems.append((line, f"{error.reason}; remove the character, or write it as an escape in quotes"))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(part for part in (error.context, error.problem) if part)
            self.problems.append((mark.line + 1 if mark else 1, f"{what}; correct the YAML syntax"))
        if self.problems or self.repeated:
            raise shapes.YamlError(self._sentences())
        return documents

    def _sentences(self) -> tuple[str, ...]:
        problems = list(self.problems)
        firsts = places.first_lines(self.text, set(self.repeated)) if self.repeated else {}
        for index, (line, key) in self.repeated.items():
            before = f"on line {firsts[index]}" if index in firsts else "above"
            problems.append((line, f"key {_shown(key)} is already set {before}; keep one of them"))
        lines = self.text.split("\n") if "{{" in self.text else []
        return tuple(
            f"{self.where}:{line}: {text}{TEMPLATE if '{{' in ''.join(lines[max(line - 3, 0) : line]) else ''}"
            for line, text in sorted(problems)[:SHOWN_PROBLEMS]
        )

    def _note(self, event: Any, text: str) -> None:
        self.problems.append((event.start_mark.line + 1, text))
        if len(self.problems) >= SHOWN_PROBLEMS:
            raise _Stop

    def _stop(self, event: Any, text: str) -> _Stop:
        self.problems.append((event.start_mark.line + 1, text))
        return _Stop()

    def _read(self) -> list[shapes.Document]:
        """The hot loop: one event a turn; whatever is rare has a method of its own."""
        get: Any = yaml.CBaseLoader(self.text).get_event
        memo, anchors, fills = self.memo, self.anchors, self.fill is not None
        long, room, depth = self.limits.scalar_bytes // 4, self.limits.nodes, self.limits.depth
        documents: list[shapes.Document] = []
        stack: list[tuple[Any, Any]] = []
        current: Any = None
        key: Any = _MISSING
        line = 0
        while (kind := type(event := get())) is not _END:
            if kind is _SCALAR:
                value: Any = event.value
                if event.tag is not None or len(value) > long or (fills and "${" in value):
                    value = self._unusual(event, is_key=key is _MISSING and type(current) is dict, line=line)
                elif event.implicit[0]:
                    value = memo.get(value, _MISSING)
                    if value is _MISSING:
                        value = self._plain(event, key is _MISSING and type(current) is dict)
                if event.anchor is not None:
                    anchors[event.anchor] = "<<" if value is _MERGE else value
                if current is None:
                    line = event.start_mark.line + 1
            elif kind is _MAPPING or kind is _SEQUENCE:
                if current is None:
                    line = event.start_mark.line + 1
                stack.append((current, key))
                current, key = ({} if kind is _MAPPING else []), _MISSING
                if len(stack) > depth:
                    raise self._stop(event, f"nested deeper than {depth} levels; flatten it")
                if event.tag is not None or event.anchor is not None:
                    self._marked(event, current)
                continue
            elif kind is _MAPPING_END or kind is _SEQUENCE_END:
                value = current
                current, key = stack.pop()
            elif kind is _ALIAS:
                value, room = self._alias(event, [*stack, (current, key)], room=room)
            else:
                if kind is _DOCUMENT:
                    self._document(event)
                continue
            if (room := room - 1) < 0:
                raise self._stop(event, f"more than {self.limits.nodes} values; split the text")
            if type(current) is dict:
                if key is _MISSING:
                    key = value if type(value) is str else self._key(event, value)
                    if key in current:
                        self._again(event, current, key)
                else:
                    if key is _MERGE:
                        self._merge(event, current, value)
                    else:
                        current[key] = value
                    key = _MISSING
            elif current is not None:
                current.append(value)
            elif value is not None:
                documents.append(shapes.Document(value, line))
        return documents

    def _document(self, event: Any) -> None:
        """Refuses what kubectl splits otherwise: it knows no directives, and only `---` at the start of a line.

        It parses what stands between two such lines, and of that only the first document: `a: 1`, `...`, `b: 2`
        loses the second without a word.
        """
        self.anchors.clear()
        self.merged.clear()
        self.aliases = 0
        index = event.start_mark.index
        if event.version or event.tags:
            raise self._stop(event, "a YAML directive; remove the lines that begin with %")
        separated = index == 0 or self.text[index - 1] == "\n" if event.explicit else self.started == 0
        if not separated:
            raise self._stop(event, "a document that kubectl would skip; put --- on a line of its own before it")
        self.started += 1
        if self.started > self.limits.documents:
            raise self._stop(event, f"more than {self.limits.documents} documents; split the text")

    def _plain(self, event: Any, is_key: bool) -> Any:
        text = event.value
        if text == "<<":
            return _MERGE if is_key else text
        try:
            value = self.memo[text] = scalars.resolved(text)
        except scalars.UnfitError as unfit:
            self._note(event, str(unfit))
            value = text
        return value

    def _filled(self, event: Any, fill: shapes.Fill, *, is_key: bool) -> Any:
        """A scalar with variables. In a block, whose text begins below its sign, a problem has the exact line."""
        text = event.value
        try:
            value = fill.scalar(text, event.implicit[0] and event.tag is None and not is_key)
        except shapes.Unfilled as unfilled:
            within = 1 + text.count("\n", 0, unfilled.at) if event.style in ("|", ">") else 0
            self.problems.append((event.start_mark.line + 1 + within, str(unfilled)))
            return text
        if isinstance(value, str) and len(value.encode()) > self.limits.scalar_bytes:
            raise self._stop(event, f"a text of more than {self.limits.scalar_bytes} bytes; shorten or split it")
        return value

    def _unusual(self, event: Any, *, is_key: bool, line: int) -> Any:
        """A scalar with a tag, with variables, or long enough to be measured in bytes. `line`: of its document."""
        text = event.value
        if self.fill is not None and "${" in text and line not in self.spared:
            return self._filled(event, self.fill, is_key=is_key)
        if len(text) > self.limits.scalar_bytes // 4 and len(text.encode()) > self.limits.scalar_bytes:
            raise self._stop(event, f"a text of more than {self.limits.scalar_bytes} bytes; shorten or split it")
        try:
            if is_key and text == "<<" and event.tag == scalars.MERGE_TAG:
                return _MERGE  # `!!merge <<:`, as generators of CustomResourceDefinitions write it
            if event.tag is not None:
                return scalars.tagged(event.tag, text)
            return scalars.resolved(text) if event.implicit[0] else text
        except scalars.UnfitError as unfit:
            self._note(event, str(unfit))
            return text

    def _marked(self, event: Any, container: Any) -> None:
        """A container with an anchor or a tag; only the tag that every such container has anyway is accepted."""
        if event.tag is not None and event.tag != _TAGS[type(container)]:
            self._note(event, "a tag that JSON has no type for; remove it")
        if event.anchor is not None:
            self.anchors[event.anchor] = container

    def _alias(self, event: Any, around: list[tuple[Any, Any]], *, room: int) -> tuple[Any, int]:
        """A copy of what the anchor names, and the values that may still come.

        Copied and counted here, because a few hundred bytes of shared references explode wherever they are walked,
        and because whoever changes one place of a document must not change another.
        """
        self.aliases += 1
        if self.aliases > self.limits.aliases:
            raise self._stop(event, f"more than {self.limits.aliases} aliases; write the values out")
        target = self.anchors.get(event.anchor, _MISSING)
        if target is _MISSING:
            raise self._stop(event, f"alias *{_shown(event.anchor)} has no anchor above it; define it, or correct it")
        if any(container is target for container, _ in around) and isinstance(target, dict | list):
            raise self._stop(event, f"alias *{_shown(event.anchor)} stands within what it names; write the value out")
        left = [room]
        return self._copy(event, target, len(around), left=left), left[0]

    def _copy(self, event: Any, value: Any, depth: int, *, left: list[int]) -> Any:
        """Recursion is bounded: nothing deeper than `limits.depth` was ever built."""
        left[0] -= 1
        if isinstance(value, str):
            self.aliased_bytes += len(value)
        if left[0] < 0 or self.aliased_bytes > self.limits.bytes:
            raise self._stop(event, "aliases stand for too much; write the values out where they are needed")
        if not isinstance(value, dict | list):
            return value
        if depth > self.limits.depth:
            raise self._stop(event, f"nested deeper than {self.limits.depth} levels through aliases; flatten it")
        if isinstance(value, list):
            return [self._copy(event, item, depth + 1, left=left) for item in value]
        self.aliased_bytes += sum(map(len, value))
        return {key: self._copy(event, item, depth + 1, left=left) for key, item in value.items()}

    def _key(self, event: Any, value: Any) -> Any:
        if value is _MERGE:
            return value
        try:
            return scalars.key_text(event, value)
        except scalars.UnfitError as unfit:
            self._note(event, str(unfit))
            return f"refused key {len(self.problems)}"  # nothing of this text is returned

    def _again(self, event: Any, mapping: dict[str, Any], key: str) -> None:
        """A key that is in the mapping already: allowed once where a merge brought it, as an override."""
        _, by_merge = self.merged.get(id(mapping), (mapping, set()))
        if key in by_merge:
            by_merge.remove(key)
            return
        self.repeated[event.start_mark.index] = (event.start_mark.line + 1, key)
        if len(self.repeated) >= SHOWN_PROBLEMS:
            raise _Stop

    def _merge(self, event: Any, mapping: dict[str, Any], value: Any) -> None:
        """`<<: *a` and `<<: [*a, *b]` as go-yaml v2 has them, which works in the order of the text.

        A merge overrides the keys above it (YAML 1.1 says it must not), keys below override the merge, and of a list
        the earlier mapping wins. An alias to a list of mappings is refused there, too.
        """
        sources = value if isinstance(value, list) and not isinstance(event, events.AliasEvent) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._note(event, "a merge key << without a mapping or a list of mappings; give it one")
            return
        if id(mapping) in self.merged:
            self._note(event, "a second merge key << in one mapping; merge a list: <<: [*first, *second]")
            return
        explicit = set(mapping)
        self.merged[id(mapping)] = (mapping, {key for source in sources for key in source} - explicit)
        for source in reversed(sources):
            mapping.update(source)


def _shown(key: str) -> str:
    return repr(key if len(key) <= SHOWN_KEY else key[:SHOWN_KEY] + "…")
