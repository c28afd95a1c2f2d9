"""Fields that an application leaves to the cluster: they are no part of what is wanted of an object that exists."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model import document, fields, manifests


def taken_out(found: manifests.ManifestSet, rules: Sequence[fields.Rule]) -> manifests.ManifestSet:
    """`found` with the fields that `rules` name moved from each `body` to `born`, and a note for each rule that names
    none: it may be misspelt."""
    if not rules:
        return found
    fitting: set[fields.Rule] = set()
    altered = []
    for manifest in found.manifests:
        mine = [rule for rule in rules if rule.selects(manifest.key)]
        altered.append(_without(manifest, mine, fitting=fitting) if mine else manifest)
    notes = tuple(
        f"{rule.where}: {fields.shown(rule.path)} is in no rendered {rule.kind} of that name"
        for rule in rules
        if rule not in fitting
    )
    return replace(found, manifests=tuple(altered), notes=(*found.notes, *notes))


def _without(
    manifest: manifests.Manifest, rules: Sequence[fields.Rule], *, fitting: set[fields.Rule]
) -> manifests.Manifest:
    """Where a field is under both, `keepLive` has it: it is the more careful word."""
    body = manifest.document()
    kept: dict[fields.Path, bool] = {}
    for rule in rules:
        paths = fields.leaves(body, rule.path)
        if paths:
            fitting.add(rule)
        for path in paths:
            kept[path] = kept.get(path, False) or rule.keep
    for path in kept:
        fields.cut(body, path)
    if not kept:
        return manifest
    left = tuple(fields.Left(path, kept[path]) for path in sorted(kept))
    return replace(manifest, body=document.encode(body), left=left, born=manifest.body)
