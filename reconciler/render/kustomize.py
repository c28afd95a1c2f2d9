"""Kustomizations: what one refers to is looked at before it is built, and what was built is read.

Kustomize reads what it is told to read, also over the network and outside of what a target reads. So every reference,
from one kustomization to the next, must lead to a file or folder among the target's inputs: then a change of any of
them changes the input digest, and nothing is fetched (I8, I17).
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors, yamltext
from reconciler.model import manifests, sources, targets
from reconciler.render import assemble, kustomize_fields, parsed

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MOST = 1_000
"""Kustomizations built for one target, each counted as often as it is built: a component that is used twice by one that
is used twice is built four times. Large public repositories stay below 200."""
PROBLEMS_SHOWN = 50
OUTPUT = yamltext.Limits(bytes=64 * 1024 * 1024, documents=assemble.OBJECTS, nodes=5_000_000)
"""Of one build: the box bounds its bytes as the settings say, this bounds what reading it costs."""

LONGEST_PATH = 300
"""Characters of a path that are shown. A longer one, or one of several lines, is a patch that could not be read."""

Takes = kustomize_fields.Takes


def check(target: targets.Target, source: targets.Kustomization, *, files: Sequence[sources.File]) -> None:
    """Raises `errors.InvalidInput` with every reference that must not be built, by file, line and field.

    `files` are all that the target reads.
    """
    through = {file.path: file.through for file in files if file.through}
    walk = _Walk(target, {file.path: file.content for file in files}, through)
    walk.run(source.path)
    if walk.problems:
        raise errors.InvalidInput(tuple(walk.problems[:PROBLEMS_SHOWN]))


def read(text: str, *, source: targets.Kustomization, fill: yamltext.Fill | None = None) -> tuple[parsed.Parsed, ...]:
    """The documents that Kustomize printed, with variables put in by `fill`. Their line counts within what
    `kustomize build` prints for the folder.

    Raises `errors.InvalidInput` with every problem.
    """
    where = f"{source.path} (built)"
    documents = yamltext.load_all(text, where, limits=OUTPUT, fill=fill)
    return tuple(parsed.Parsed(each.value, manifests.Origin(where, each.line)) for each in documents)


class _Place:
    """Where the fields of one file stand. Its lines are counted when they are first asked for."""

    def __init__(self, file: str, content: bytes) -> None:
        self._file = file
        self._content = content
        self._positions: yamltext.Positions | None = None

    def __call__(self, at: yamltext.Path) -> str:
        """`apps/web/kustomization.yaml:3: resources[0]`."""
        if self._positions is None:
            self._positions = yamltext.load_with_positions(self._content, self._file)[1]
        where = f"{self._file}:{self._positions.line(at)}"
        return f"{where}: {_dotted(at)}" if at else where


@dataclass(slots=True)
class _Walk:
    """From kustomization to kustomization; each file is looked at once, however often it is built."""

    target: targets.Target
    contents: Mapping[str, bytes]
    through: Mapping[str, str]
    """The symbolic links that lead to some of them."""
    folders: set[str] = field(init=False)
    problems: list[str] = field(default_factory=list)
    uses: dict[str, list[str]] = field(default_factory=dict)
    """Folder of a kustomization → the folders of those that it builds, repeated as written."""

    def __post_init__(self) -> None:
        self.folders = {folder for path in self.contents for folder in _above(path)}

    def run(self, start: str) -> None:
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            if folder in self.uses:
                continue
            if len(self.uses) >= MOST:
                self.problems.insert(0, f"{start}: refers to more than {MOST} kustomizations; split the application")
                return
            self.uses[folder] = []
            self._look_at(folder)
            waiting += self.uses[folder]
        if not self.problems:
            self.problems += _bounded(self.uses, start)

    def _look_at(self, folder: str) -> None:
        present = [path for name in NAMES if (path := f"{folder}/{name}") in self.contents]
        if not present:
            self.problems.append(f"{folder}: there is no {NAMES[0]} here; add one, or correct the path")
        elif len(present) > 1:
            self.problems.append(f"{folder}: there are {' and '.join(present)}; keep one of them")
        else:
            self._look_into(present[0], folder)

    def _look_into(self, file: str, folder: str) -> None:
        for each in self._documents(file, most=1):
            place = _Place(file, self.contents[file])
            self._judge(kustomize_fields.of_kustomization(each.value), folder, place=place)

    def _look_into_configuration(self, file: str, folder: str) -> None:
        """Paths in it count from the folder of the kustomization that names it."""
        for each in self._documents(file, most=len(self.contents[file])):

            def place(at: yamltext.Path, line: int = each.line) -> str:
                return f"{file}:{line}: {_dotted(at)}" if at else f"{file}:{line}"

            self._judge(kustomize_fields.of_plugin(each.value), folder, place=place)

    def _documents(self, file: str, *, most: int) -> Sequence[yamltext.Document]:
        try:
            documents = yamltext.load_all(self.contents[file], file)
        except errors.InvalidInput as refused:
            self.problems += refused.problems
            return ()
        if 1 <= len(documents) <= most:
            return documents
        self.problems.append(f"{file}: holds {len(documents) or 'no'} documents; write one")
        return ()

    def _judge(
        self, every: Iterable[kustomize_fields.Found], folder: str, *, place: Callable[[yamltext.Path], str]
    ) -> None:
        for found in every:
            if isinstance(found, kustomize_fields.Complaint):
                self.problems.append(f"{place(found.at)}: {found.text}")
            elif wrong := self._follow(found, folder, place=place):
                self.problems.append(f"{place(found.at)}: {wrong}")

    def _follow(self, found: kustomize_fields.Reference, folder: str, *, place: Callable[[yamltext.Path], str]) -> str:
        """What is wrong with one reference, or ''. Where it leads is looked at, now or later."""
        if kustomize_fields.remote(found.path):  # first: `https://…: x` is YAML as well
            return "is fetched from elsewhere, and nothing is downloaded; commit what it names and write its path"
        if found.takes in (Takes.PATCH, Takes.CONFIGURATION) and (inner := kustomize_fields.in_place(found.path)):
            for each in inner if found.takes is Takes.CONFIGURATION else ():
                self._judge(kustomize_fields.of_plugin(each.value), folder, place=lambda at: place((*found.at, *at)))
            return ""
        path = posixpath.normpath(posixpath.join(folder, found.path))
        if wrong := self._misled(found, path, folder):
            return wrong
        if path in self.folders:
            self.uses[folder].append(path)
        elif found.takes is Takes.CONFIGURATION:
            self._look_into_configuration(path, folder)
        return ""

    def _misled(self, found: kustomize_fields.Reference, path: str, folder: str) -> str:
        """What is wrong with the place that a reference names, or ''."""
        if "\n" in found.path or len(found.path) > LONGEST_PATH:
            return "is neither a path nor YAML that can be read; correct it"
        if found.path.startswith("/"):
            return "is an absolute path; write it relative to this folder"
        if path in (".", "..") or path.startswith("../"):
            return "leads out of the repository, or to all of it; name a folder within"
        if (link := self._linked(folder)) and not _covers(link, path):
            return (
                f"leads out of {link}, a symbolic link to a folder, and counts from where that really lies: refer to"
                " that folder, not to the link"
            )
        if path in self.contents:
            if found.takes is Takes.FOLDER:
                return f"{path} is a file; name a folder with a {NAMES[0]}"
            if not path.startswith(f"{folder}/"):
                return (
                    f"{path} lies outside of {folder}, where Kustomize takes no files from; make a base of its folder"
                )
            return ""
        if path in self.folders:
            if found.takes in (Takes.FOLDER, Takes.EITHER):
                return ""
            return f"{path} is a folder; name a file"
        if any(_covers(known, path) for known in (self.target.folder, *self._read())):
            return f"{path} is not in the repository; correct the path, or add it"
        return (
            f"leads to {path}, which this application does not read; "
            f"add it to `reads` in {self.target.folder}/application.yaml"
        )

    def _linked(self, folder: str) -> str:
        """The link that leads to a folder with a kustomization, or to one around it; '' where there is none."""
        for name in NAMES:
            if (link := self.through.get(f"{folder}/{name}", "")) and _covers(link, folder):
                return link
        return ""

    def _read(self) -> tuple[str, ...]:
        return (self.target.source.path, *self.target.reads)


def _bounded(uses: Mapping[str, Sequence[str]], start: str) -> list[str]:
    """A problem where one kustomization builds itself, or where building them all would take too long. Kustomize finds
    circles itself, but follows every branch on the way there."""
    built: dict[str, int] = {}
    chain: dict[str, Iterator[str]] = {start: iter(uses[start])}
    while chain:
        folder = next(reversed(chain))
        inner = next(chain[folder], None)
        if inner is None:
            built[folder] = min(1 + sum(built[used] for used in uses[folder]), MOST + 1)
            del chain[folder]
        elif inner in chain:
            circle = [*chain][[*chain].index(inner) :]
            shown = " → ".join([*circle[:5], *(["…"] if len(circle) > 5 else []), inner])
            return [f"{folder}: refers to itself: {shown}; remove one of these references"]
        elif inner not in built:
            chain[inner] = iter(uses[inner])
    if built[start] <= MOST:
        return []
    return [f"{start}: more than {MOST} kustomizations would be built, repeated ones counted; name each of them once"]


def _above(path: str) -> Iterator[str]:
    """Every folder that holds the path; not the repository's root."""
    while path := path.rpartition("/")[0]:
        yield path


def _covers(known: str, path: str) -> bool:
    return path == known or path.startswith(f"{known}/")


def _dotted(at: yamltext.Path) -> str:
    """`configMapGenerator[0].files[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).removeprefix(".")
