"""Parsed documents → the manifest set: judged, completed, marked, in canonical form. Same inputs, same bytes (I12)."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.model import document, ids, live, manifests, targets
from reconciler.render import order, parsed, secrets, served, shape

OBJECTS = 10_000
BODY_BYTES = 1_572_864 - 131_072
"""etcd takes 1.5 MiB; the server adds defaults, status and managedFields to what we send."""
PROBLEMS_SHOWN = 50
MANAGED_BY = "app.kubernetes.io/managed-by"
SECRET = ids.KindKey("", "Secret")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What judging one document needs besides the document."""

    target: targets.Target
    installation: str
    facts: live.ClusterFacts
    defined: dict[ids.KindKey, served.Defined]


def manifest_set(
    documents: Sequence[parsed.Parsed],
    *,
    target: targets.Target,
    installation: str,
    facts: live.ClusterFacts,
    notes: Sequence[str] = (),
    beside: Sequence[manifests.Manifest] = (),
) -> manifests.ManifestSet:
    """The target's objects, sorted by key, those `beside` among them that were made of other documents.

    Raises `errors.InvalidInput` with all problems at once, each `file:line: what is wrong; remedy` (`file: …` where the
    line is not known).
    """
    everything, problems = opened(documents)
    written = [order.named(each) for each in everything if not order.left_out(each)]
    unpacked = [order.kept(each) for each in written]
    if (count := len(unpacked) + len(beside)) > OBJECTS:
        raise errors.InvalidInput(
            (f"{target.key}: renders to {count} objects, more than {OBJECTS}; split the application",)
        )
    frame = _Frame(target, installation, facts, served.definitions(each.value for each in unpacked))
    found = {manifest.key: manifest for manifest in beside}
    namespaces: list[str] = []
    for each in unpacked:
        manifest, complaints = _manifest(each, frame)
        problems += [f"{each.origin}: {complaint}" for complaint in complaints]
        if manifest is None:
            continue
        first = found.setdefault(manifest.key, manifest)
        if first is not manifest:
            problems.append(f"{each.origin}: {manifest.key} is already in {first.origin}; keep one of them")
        if isinstance(each.value, dict) and _namespace_left_out(each.value, manifest.key):
            namespaces.append(f"{each.origin}: {manifest.key} belongs to no namespace: metadata.namespace is left out")
    if problems:
        hidden = len(problems) - PROBLEMS_SHOWN
        more = [f"{target.key}: {hidden} more problems; correct these first"] if hidden > 0 else []
        raise errors.InvalidInput((*problems[:PROBLEMS_SHOWN], *more))
    told = [left for each in everything if (left := order.left_out(each))]
    told += [note for each in written for note in order.notes(each.value)]
    told += namespaces
    return manifests.ManifestSet(tuple(found[key] for key in sorted(found)), (*notes, *dict.fromkeys(told)))


def _namespace_left_out(value: document.Json, key: ids.ObjectKey) -> bool:
    """Published charts give webhook configurations and cluster roles one; every client of the API server drops it."""
    return not key.namespace and bool(document.text(value, "metadata", "namespace"))


def opened(documents: Sequence[parsed.Parsed]) -> tuple[list[parsed.Parsed], list[str]]:
    """Nulls stripped, and `kind: List` opened as kubectl does; its items keep the place of the list."""
    found: list[parsed.Parsed] = []
    problems: list[str] = []
    open_lists = [parsed.Parsed(shape.without_nulls(each.value), each.origin) for each in reversed(documents)]
    while open_lists:
        each = open_lists.pop()
        if not isinstance(each.value, dict) or not _is_list(each.value):
            found.append(each)
            continue
        items = each.value.get("items", [])
        if isinstance(items, list):
            open_lists += [parsed.Parsed(item, each.origin) for item in reversed(items)]
        else:
            problems.append(f"{each.origin}: items of the List is no list; write one object after each -")
    return found, problems


def _is_list(value: document.Json) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and (
        kind == "List" or (kind.endswith("List") and isinstance(value.get("items"), list))
    )


def _manifest(each: parsed.Parsed, frame: _Frame) -> tuple[manifests.Manifest | None, list[str]]:
    """The manifest, or None where even its key is unknown, and every complaint about it."""
    complaints = list(shape.problems(each.value))
    if complaints or not isinstance(each.value, dict):
        return None, complaints
    value: document.Json = {field: held for field, held in each.value.items() if field != "status"}
    key, complaints = _key(value, frame)
    if complaints:
        return None, complaints
    if key.kind_key == SECRET:
        value, wrong = secrets.stored(value)
        complaints += wrong
    if _built_in(key.group):
        complaints += shape.too_large_integers(value)
    value["metadata"], foreign = _metadata(document.mapping(value, "metadata"), key=key, frame=frame)
    complaints += foreign
    its = order.of(document.mapping(value, "metadata", "annotations"))
    complaints += its.complaints
    complaints += _sizes(value)
    try:
        body = document.encode(value)
    except TypeError:
        return None, [*complaints, "holds a number that JSON cannot carry; quote it or write a smaller one"]
    if len(body) > BODY_BYTES:
        complaints.append(f"{key} takes {len(body)} bytes, more than {BODY_BYTES}; split it")
    api_version = document.text(value, "apiVersion")
    return manifests.Manifest(key, api_version, body, each.origin, wave=its.wave, hook=its.hook), complaints


def _key(value: document.Json, frame: _Frame) -> tuple[ids.ObjectKey, list[str]]:
    """The object's key with the namespace it will be in, and what is wrong with its kind and scope."""
    api_version, kind = document.text(value, "apiVersion"), document.text(value, "kind")
    name, namespace = document.text(value, "metadata", "name"), document.text(value, "metadata", "namespace")
    scoped, refusal = served.namespaced(api_version, kind, facts=frame.facts, defined=frame.defined)
    complaints = [refusal] if refusal else []
    if not refusal and scoped and not (namespace or frame.target.namespace):
        complaints.append(f"{kind} {name} names no namespace and the application has none; write metadata.namespace")
    where = (namespace or frame.target.namespace) if scoped else ""
    return ids.ObjectKey(served.split(api_version)[0], kind, where, name), complaints


def _metadata(metadata: document.Json, *, key: ids.ObjectKey, frame: _Frame) -> tuple[document.JsonValue, list[str]]:
    """The object's metadata with namespace, mark and label; complains of a mark that is not ours to set."""
    mark = str(ids.Mark(frame.installation, frame.target.key, key))
    labels, annotations = document.mapping(metadata, "labels"), document.mapping(metadata, "annotations")
    complaints = []
    if annotations.get(ids.MARK, mark) != mark:
        complaints.append(f"metadata.annotations.{ids.MARK} marks another owner; remove it, the reconciler sets it")
    completed: document.Json = {
        **metadata,
        "annotations": {**annotations, ids.MARK: mark},
        "labels": {**labels, MANAGED_BY: _managed_by(labels)},
    }
    completed.pop("namespace", None)
    if key.namespace:
        completed["namespace"] = key.namespace
    return completed, complaints


def _managed_by(labels: document.Json) -> document.JsonValue:
    """For people only. Helm's own word would be untrue here, there is no Helm release; a word somebody chose stays."""
    present = labels.get(MANAGED_BY)
    return "reconciler" if present in (None, "", "Helm") else present


def _sizes(value: document.Json) -> list[str]:
    size = shape.annotations_bytes(document.mapping(value, "metadata"))
    if size <= shape.ANNOTATIONS_BYTES:
        return []
    return [f"metadata.annotations take {size} bytes, more than {shape.ANNOTATIONS_BYTES}; shorten them"]


def _built_in(group: str) -> bool:
    return "." not in group or group.endswith(".k8s.io")
