"""What is sent of the fields that are left to the cluster (docs/decisions/0031).

Leaving out a field that only we own removes it, and we own what we made. So a field that is kept is sent with
its live value; one that is ignored only as long as nobody else owns it, and then not at all.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from dataclasses import replace

from reconciler.model import document, fields, live, manifests
from reconciler.plan import managed


def overlay(manifest: manifests.Manifest, live_object: live.LiveObject | None) -> manifests.Manifest:
    """The manifest to send: whole where there is no object yet. It keeps the digest of what was rendered."""
    if not manifest.left:
        return manifest
    if live_object is None:
        return replace(manifest, body=manifest.born, rendered=manifest.digest)
    body, born, found = manifest.document(), document.decode(manifest.born), live_object.document()
    for each in manifest.left:
        present = fields.at(found, each.path)
        if each.keep:
            present = present or fields.at(born, each.path)
        elif not _ours_alone(found, each.path):
            continue
        for value in present:
            fields.put(body, each.path, value)
    return replace(manifest, body=document.encode(body), rendered=manifest.digest)


def _ours_alone(found: document.Json, path: fields.Path) -> bool:
    ours = others = False
    for entry in managed.entries(found):
        if claims(document.mapping(entry, "fieldsV1"), path):
            mine = managed.is_ours(entry)
            ours, others = ours or mine, others or not mine
    return ours and not others


def claims(claimed: document.Json, path: fields.Path) -> bool:
    """Whether the fields that a manager's record claims (`fieldsV1`) hold the one at `path`; a mapping or list that is
    claimed as a whole holds everything below it."""
    here = claimed
    for place, step in enumerate(path):
        below = here.get(f"f:{step}")
        if below is None:
            below = next((item for name, item in here.items() if _names(name, step)), None)
        if not isinstance(below, dict):
            return place > 0 and not here
        here = below
    return True


def _names(name: str, step: str) -> bool:
    """Whether `k:{"name":"app"}` is the item that a path calls `app`."""
    return step in {str(value) for value in managed.keyed(name).values()}
