"""The way out: one target with the files that make it, and what became of each of their fields in another tool."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.model import document, ids, targets
from reconciler.settings import base, rendered
from reconciler.settings.peers import fates

ALWAYS, OVERRIDDEN, UNUSED = "always so", "overridden", "not used"
"""Where a field went that no field of theirs stands for, and nothing is lost by it."""
BY_NAME = frozenset(
    ("containers", "initContainers", "ephemeralContainers", "env", "ports", "volumes", "volumeMounts", "webhooks")
)
"""Lists whose items our paths find by name. A JSON pointer knows places alone."""
MAPPINGS = frozenset(("annotations", "labels", "matchLabels", "nodeSelector", "data", "stringData", "binaryData"))


@dataclass(frozen=True, slots=True)
class File:
    """The content of a settings file, its path, and the line of a place in it."""

    where: str
    body: document.Json
    line: Callable[[base.Path], int]


@dataclass(frozen=True, slots=True)
class Need:
    """An application that another one depends on: what its object is called, and what kind of source it has."""

    name: str
    chart: bool
    present: bool


@dataclass(frozen=True, slots=True)
class Given:
    """One target on its way out. `disk` holds its repository and its environment of deployment-config.yaml alone."""

    target: targets.Target
    name: str
    """What its object is called."""
    application: File
    environment: File
    disk: File
    url: str
    ref: str
    poll: float
    timeout: float
    in_cluster: bool
    """Whether the daemon runs in the cluster that it writes to."""
    needs: Mapping[str, Need]
    """What it depends on, by the application's name."""
    defaults: bool = False
    """Whether the chart's folder has a values.yaml of its own."""
    values: document.Json | None = None
    """All values of a chart, those of its files merged; None where Git has both, and the files are named."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one field of one file."""

    where: str
    line: int
    at: base.Path
    fate: fates.Fate


@dataclass(frozen=True, slots=True)
class Exported:
    """One target as objects of theirs, what they refer to first."""

    key: ids.TargetKey
    objects: tuple[document.Json, ...]
    told: tuple[Told, ...]


class Leaving:
    """One target while it is read: each field of its files waits for a fate."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.target = given.target
        self.application = fates.Reading(given.application.body)
        self.environment = fates.Reading(given.environment.body)
        self.disk = fates.Reading(given.disk.body)
        for reading in (self.application, self.environment, self.disk):
            for at in fates.places(reading.body):
                if _says_nothing(reading.body, at):
                    reading.carry(base.dotted(at), UNUSED, "it is empty")

    # --- fates

    def tell(self, path: str, to: str, because: str = "") -> None:
        """Of a setting that the deepest file decides: it went there; what the files above say is overridden. `to` '':
        it has no counterpart."""
        decided = ""
        for where, reading, at in self._levels(path):
            if reading.at(*at.split(".")) is None:
                continue
            if decided:
                reading.carry(at, OVERRIDDEN, f"{decided} says otherwise")
            else:
                reading.carry(at, to, because)
                decided = where

    def of_disk(self, reasons: Mapping[str, str]) -> None:
        """What has no counterpart of what is left there; REPOSITORY and ENVIRONMENT stand for their names."""
        for path, because in reasons.items():
            self.disk.drop(self._at_disk(path), because)

    def carry_disk(self, path: str, to: str, because: str = "") -> None:
        self.disk.carry(self._at_disk(path), to, because)

    def finish(self, *objects: document.Json) -> Exported:
        told = [
            Told(file.where, file.line(at), at, fate)
            for file, reading in (
                (self.given.application, self.application),
                (self.given.environment, self.environment),
                (self.given.disk, self.disk),
            )
            for at, fate in zip(fates.places(file.body), reading.fates(), strict=True)
        ]
        return Exported(self.target.key, objects, tuple(told))

    def _levels(self, path: str) -> tuple[tuple[str, fates.Reading, str], ...]:
        return (
            (self.given.application.where, self.application, path),
            (self.given.environment.where, self.environment, path),
            (self.given.disk.where, self.disk, self._at_disk(f"environments.ENVIRONMENT.{path}")),
        )

    def _at_disk(self, path: str) -> str:
        return path.replace("REPOSITORY", self.target.repository).replace("ENVIRONMENT", self.target.key.environment)

    # --- what both tools ask

    @property
    def substitutes(self) -> bool:
        source = self.target.source
        return not isinstance(source, targets.Chart) and source.substitute

    @property
    def prunes(self) -> bool:
        """Whether anything may be pruned without a person."""
        return self.target.prune.count > 0 and self.target.prune.percent > 0

    def prune(self, to: str, *, unlimited: str, off: str) -> None:
        """`to`: the switch of theirs, '' where there is none. What is 0 turns it off; no other limit has a
        counterpart."""
        for word, limit in (("count", self.target.prune.count), ("percent", self.target.prune.percent)):
            if self.prunes or not to:
                self.tell(f"prune.{word}", "", unlimited if limit else off)
            else:
                self.tell(f"prune.{word}", UNUSED if limit else to, off)

    def ignored(
        self, key: str, to: str, *, because: str, unfit: Callable[[document.Json], str] = lambda _: ""
    ) -> list[tuple[document.Json, list[document.JsonValue]]]:
        """The rules of `ignore` or `keepLive` that JSON pointers can say, each with its pointers. `unfit`: why a rule
        cannot be said at all."""
        found: list[tuple[document.Json, list[document.JsonValue]]] = []
        for place, rule in enumerate(document.items(self.application.body, key)):
            if not isinstance(rule, dict):
                continue
            if why := unfit(rule):
                self.application.drop(f"{key}[{place}]", why)
                continue
            pointers: list[document.JsonValue] = []
            for index, field in enumerate(document.items(rule, "fields")):
                at = f"{key}[{place}].fields[{index}]"
                if one := pointer(str(field), kind=document.text(rule, "kind")):
                    pointers.append(one)
                    self.application.carry(at, to, because)
                else:
                    self.application.drop(at, "it is no JSON pointer: those find an item of a list by its place alone")
            if pointers:
                found.append((rule, pointers))
                self.application.carry(f"{key}[{place}]", to)
            self.application.drop(f"{key}[{place}]", "none of its fields has a counterpart")
        self.application.carry(key, ALWAYS)
        return found


def _says_nothing(body: document.Json, at: base.Path) -> bool:
    """Whether there is an empty list at the leaf, or an empty mapping that stands for no source."""
    found: document.JsonValue = body
    for step in at:
        found = found[step] if isinstance(found, dict | list) else None  # type: ignore[index] # a step of `places` fits what it was taken of
    return found == [] or (found == {} and at[:1] != ("source",))


def pointer(path: str, *, kind: str) -> str:
    """A path of ours as a JSON pointer, '' where it is none. The `stringData` of a Secret is live as its `data`."""
    steps = rendered.field_path(path)
    if kind == "Secret" and steps[0] == "stringData":
        steps = ("data", *steps[1:])
    named = {match[2] for match in rendered.FIELD_STEP.finditer(path)} if not path.startswith("/") else set()
    for before, step in zip(("", *steps), steps, strict=False):
        by_name = before in BY_NAME or (step in named and before not in MAPPINGS)
        if step == "*" or (by_name and not step.isdigit()):
            return ""
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)


def duration(seconds: float) -> str:
    """As Go reads it: it knows no days."""
    words, rest = "", round(seconds * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, rest = divmod(rest, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def slug(url: str) -> str:
    """A name for what lies at a URL: `https://charts.jetstack.io` → `charts-jetstack-io`."""
    return re.sub(r"[^a-z0-9]+", "-", url.partition("://")[2].lower()).strip("-")[:63].strip("-")
