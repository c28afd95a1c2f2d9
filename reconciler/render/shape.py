"""One document: is it an object that may be kept in Git, and what of it is stripped. Problems never quote a value:
manifests hold secrets (I13)."""

import re
from collections.abc import Mapping

from reconciler.model import document

REMEDY_EXPORTED = "it belongs to the server; remove it"
REMEDY_ELSEWHERE = "move the file elsewhere, or name it in source.manifests.exclude of application.yaml"
SERVER_OWNED = (
    "uid",
    "resourceVersion",
    "managedFields",
    "ownerReferences",
    "generation",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Refused when they hold something: the object was exported from a cluster. A null, as code generators write, goes."""
NAME_BYTES = 253
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
KIND = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,62}")
API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[a-z][-a-z0-9]{0,62}")
ANNOTATIONS_BYTES = 256 * 1024
INT32 = frozenset(
    {
        "backoffLimit",
        "completions",
        "containerPort",
        "hostPort",
        "initialDelaySeconds",
        "maxReplicas",
        "minReadySeconds",
        "minReplicas",
        "nodePort",
        "parallelism",
        "periodSeconds",
        "port",
        "progressDeadlineSeconds",
        "replicas",
        "revisionHistoryLimit",
        "targetPort",
        "weight",
    }
)
"""Fields of the built-in kinds that the server stores in 32 bits: it turns what is larger into 0 without a word
(as seen on Kubernetes 1.36)."""


def without_nulls(value: document.JsonValue) -> document.JsonValue:
    """A copy without the keys that hold null: a null would claim a field and set it to its default."""
    if isinstance(value, dict):
        return {key: without_nulls(held) for key, held in value.items() if held is not None}
    if isinstance(value, list):
        return [without_nulls(held) for held in value]
    return value


def problems(value: document.JsonValue) -> tuple[str, ...]:
    """Everything wrong with the frame of one document, nulls already gone: apiVersion, kind and metadata."""
    if not isinstance(value, dict):
        return ("not an object; a manifest is a mapping with apiVersion, kind and metadata",)
    if value.keys().isdisjoint(("apiVersion", "kind")):
        return (f"no Kubernetes object, it has neither apiVersion nor kind; {REMEDY_ELSEWHERE}",)
    found = [
        f"{key} is missing or not {what}; write it as in {example}"
        for key, pattern, what, example in (
            ("apiVersion", API_VERSION, "a group and version", "apps/v1"),
            ("kind", KIND, "a kind", "Deployment"),
        )
        if not _matches(pattern, value.get(key))
    ]
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return (*found, "metadata is missing or no mapping; give the object a metadata.name")
    return (*found, *_name_problems(metadata), *_metadata_problems(metadata))


def _matches(pattern: re.Pattern[str], value: document.JsonValue) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _name_problems(metadata: Mapping[str, document.JsonValue]) -> list[str]:
    """Names become part of URLs and keys: `metadata.name: ../../x` was once used as a file name (Kargo 9a0e479c2)."""
    name, namespace = metadata.get("name"), metadata.get("namespace")
    found: list[str] = []
    if "generateName" in metadata:
        found.append("metadata.generateName makes another object at every apply; write metadata.name")
    elif not isinstance(name, str) or not name:
        found.append("metadata.name is missing or no text; give the object a name (in quotes if it is a number)")
    elif len(name.encode("utf-8", "replace")) > NAME_BYTES:
        found.append(f"metadata.name is longer than {NAME_BYTES} bytes; shorten it")
    elif name in (".", "..") or any(char in "/%" or not char.isprintable() or char.isspace() for char in name):
        found.append("metadata.name holds a character that no name may hold; use lower-case letters, digits, - and .")
    if namespace is not None and not _matches(NAMESPACE, namespace):
        found.append("metadata.namespace is no name of a namespace; use at most 63 lower-case letters, digits and -")
    return found


def _metadata_problems(metadata: Mapping[str, document.JsonValue]) -> list[str]:
    found = [f"metadata.{field} is set; {REMEDY_EXPORTED}" for field in SERVER_OWNED if field in metadata]
    for field in ("labels", "annotations"):
        held = metadata.get(field, {})
        if not isinstance(held, dict):
            found.append(f"metadata.{field} is no mapping; write key: text")
            continue
        found += [
            f"metadata.{field}.{key} is no text; put the value in quotes"
            for key, text in held.items()
            if not isinstance(text, str)
        ]
    return found


def too_large_integers(value: document.JsonValue) -> list[str]:
    """Paths of known 32-bit fields that hold more. Iterative: depth is bounded, but not by us."""
    found: list[str] = []
    nodes: list[tuple[str, document.JsonValue]] = [("", value)]
    while nodes:
        path, node = nodes.pop()
        if isinstance(node, list):
            nodes += [(f"{path}[{index}]", held) for index, held in enumerate(node)]
        elif isinstance(node, dict):
            for key, held in node.items():
                where = f"{path}.{key}" if path else key
                if key in INT32 and isinstance(held, int | float) and not -(2**31) <= held < 2**31:
                    found.append(f"{where} is beyond 32 bits, and the server would store 0; write a smaller number")
                elif isinstance(held, dict | list):
                    nodes.append((where, held))
    return sorted(found)


def annotations_bytes(metadata: Mapping[str, document.JsonValue]) -> int:
    """As the API server counts them: keys and values."""
    held = metadata.get("annotations")
    pairs = held.items() if isinstance(held, dict) else ()
    return sum(len(key.encode()) + len(str(text).encode()) for key, text in pairs)
