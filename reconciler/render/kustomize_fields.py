"""One kustomization, or one configuration of a built-in plugin → what it refers to, and what of it is refused.

Field names are compared as Kustomize compares them: without regard to case, and by Unicode's folding (it reads YAML
through Go's encoding/json), so that no spelling hides a reference. A field that is not known here is refused, because
nobody could say whether it fetches something.
"""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler import errors, yamltext
from reconciler.model import document

At = yamltext.Path
BUILTIN = "builtin"
HELM_FIELDS = frozenset({"helmcharts", "helmchartinflationgenerator", "helmglobals"})
HELM = "Kustomize would download and inflate the chart; make it an application with source.chart"


class Takes(enum.Enum):
    """What a reference may name."""

    FILE = enum.auto()
    FOLDER = enum.auto()
    EITHER = enum.auto()
    PATCH = enum.auto()
    """A file, or the patch itself."""
    CONFIGURATION = enum.auto()
    """A file with configurations of plugins, or one written in place."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A path as written, relative to the kustomization's folder, and where: `("resources", 2)`."""

    at: At
    path: str
    takes: Takes


@dataclass(frozen=True, slots=True)
class Complaint:
    """`text` reads `what is wrong; remedy` and quotes no value: it may be a secret, or a URL that holds one."""

    at: At
    text: str


Found = Reference | Complaint

LISTS = {
    "resources": Takes.EITHER,
    "bases": Takes.FOLDER,
    "components": Takes.FOLDER,
    "crds": Takes.FILE,
    "configurations": Takes.FILE,
    "generators": Takes.CONFIGURATION,
    "transformers": Takes.CONFIGURATION,
    "validators": Takes.CONFIGURATION,
    "patchesstrategicmerge": Takes.PATCH,
}
LISTS_WITH_PATH = frozenset({"patches", "patchesjson6902", "replacements"})
GENERATORS = frozenset({"configmapgenerator", "secretgenerator"})
INNOCENT = frozenset(
    {
        "apiversion", "buildmetadata", "commonannotations", "commonlabels", "generatoroptions", "images", "imagetags",
        "kind", "labels", "metadata", "nameprefix", "namespace", "namesuffix", "replicas", "sortoptions", "vars",
    }
)  # fmt: skip
"""The fields of Kustomize 5.8 that name no file."""
PLUGINS = frozenset(
    {
        "AnnotationsTransformer", "ConfigMapGenerator", "HashTransformer", "IAMPolicyGenerator", "ImageTagTransformer",
        "LabelTransformer", "NamespaceTransformer", "PatchJson6902Transformer", "PatchStrategicMergeTransformer",
        "PatchTransformer", "PrefixSuffixTransformer", "PrefixTransformer", "ReplacementTransformer",
        "ReplicaCountTransformer", "SecretGenerator", "SuffixTransformer", "ValueAddTransformer",
    }
)  # fmt: skip
"""The built-in plugins of Kustomize 5.8, without the one that inflates Helm charts."""


def of_kustomization(value: document.JsonValue) -> Iterator[Found]:
    """Everything that a kustomization file refers to."""
    if not isinstance(value, dict):
        yield Complaint((), "is no mapping; write the fields of a Kustomization")
        return
    for key, held in value.items():
        field = key.casefold()
        if field in HELM_FIELDS:
            yield Complaint((key,), HELM)
        elif field in LISTS:
            yield from _texts(held, (key,), takes=LISTS[field])
        elif field in LISTS_WITH_PATH:
            yield from _with_path(held, (key,))
        elif field in GENERATORS:
            for index, generator in _items(held):
                yield from _key_values(generator, (key, index))
        elif field == "openapi":
            yield from _path(held, (key,))
        elif field not in INNOCENT:
            yield Complaint((key,), "is no field that is known of a Kustomization; remove it, or correct its name")


def of_plugin(value: document.JsonValue) -> Iterator[Found]:
    """Everything that one configuration of a generator, transformer or validator refers to."""
    if not isinstance(value, dict):
        yield Complaint((), "is no configuration of a plugin; write apiVersion: builtin and the plugin's kind")
        return
    kind = document.text(value, "kind")
    if kind == "HelmChartInflationGenerator":
        yield Complaint((), HELM)
        return
    if document.text(value, "apiVersion") != BUILTIN or kind not in PLUGINS:
        yield Complaint((), "is of a plugin that would run code; only Kustomize's built-in ones (apiVersion: builtin)")
        return
    for key, held in value.items():
        match key.casefold():
            case "path" | "targetfilepath" if isinstance(held, str):
                yield Reference((key,), held, Takes.FILE)
            case "paths":
                yield from _texts(held, (key,), takes=Takes.PATCH)
            case "replacements":
                yield from _with_path(held, (key,))
    yield from _key_values(value, ())


def in_place(text: str) -> tuple[yamltext.Document, ...]:
    """The documents of an entry that is itself a patch or a configuration; none where it is a path."""
    try:
        found = yamltext.load_all(text, "in place")
    except errors.InvalidInput:
        return ()
    return found if all(isinstance(each.value, dict) for each in found) else ()


REMOTE = re.compile(r"(git::)|(https?:)|[^\n]*://|([a-z][a-z0-9-]*@)|(github\.com[/:])", re.IGNORECASE)


def remote(path: str) -> bool:
    """Whether Kustomize would fetch it: over http, or as a Git repository, in any of the forms it knows
    (`api/internal/git/repospec.go`, `api/internal/loader/fileloader.go`)."""
    return REMOTE.match(path) is not None


def _items(held: document.JsonValue) -> Iterator[tuple[int, document.JsonValue]]:
    """Those of a list. Whatever is no list Kustomize refuses itself."""
    yield from enumerate(held) if isinstance(held, list) else ()


def _texts(held: document.JsonValue, at: At, *, takes: Takes) -> Iterator[Found]:
    for index, item in _items(held):
        if isinstance(item, str):
            yield Reference((*at, index), item, takes)


def _with_path(held: document.JsonValue, at: At) -> Iterator[Found]:
    for index, item in _items(held):
        yield from _path(item, (*at, index))


def _path(held: document.JsonValue, at: At) -> Iterator[Found]:
    for key, inner in held.items() if isinstance(held, dict) else ():
        if key.casefold() == "path" and isinstance(inner, str) and inner:
            yield Reference((*at, key), inner, Takes.FILE)


def _key_values(generator: document.JsonValue, at: At) -> Iterator[Found]:
    """Of a generator of ConfigMaps or Secrets. A literal that Kustomize would refuse is refused here, because it would
    quote all of them."""
    for key, held in generator.items() if isinstance(generator, dict) else ():
        match key.casefold():
            case "files":
                for index, item in _items(held):
                    if isinstance(item, str):
                        yield Reference((*at, key, index), item.rpartition("=")[2], Takes.FILE)
            case "envs":
                yield from _texts(held, (*at, key), takes=Takes.FILE)
            case "env" if isinstance(held, str) and held:
                yield Reference((*at, key), held, Takes.FILE)
            case "literals":
                for index, item in _items(held):
                    if not (isinstance(item, str) and item.find("=") > 0):
                        yield Complaint((*at, key, index), "is no literal; write key=value, as text")
