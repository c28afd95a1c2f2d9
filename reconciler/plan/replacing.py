"""Fields that cannot be changed on a live object: it must be deleted and made again, and somebody must have allowed it.

Only the answer to the same manifest under a fresh name tells them from ordinary mistakes: reasons and texts are alike
(as seen on Kubernetes 1.36).
"""

from dataclasses import replace

from reconciler import kinds
from reconciler.model import document, ids, live, manifests, outcomes, plans, rollouts
from reconciler.plan import diff, managed, survey

UNPROCESSABLE = 422

OPT_IN = "reconciler.dev/replace"
"""The annotation that allows it, on the object itself: so it is reviewed with the change that needs it."""

YES = "true"
YES_STATEFUL = "stateful"
"""Of an object whose delete loses data or identity: said in so many words, or not at all."""

NAMED_BY_CONTENT = frozenset(
    {
        ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition"),
        ids.KindKey("apiregistration.k8s.io", "APIService"),
    }
)
"""Kinds whose name follows from their content: another name is always refused."""

STATEFUL_SET, JOB = ids.KindKey("apps", "StatefulSet"), ids.KindKey("batch", "Job")


def probe(manifest: manifests.Manifest) -> manifests.Manifest | None:
    """The same object under a name that nothing has; None where that would be no answer."""
    if manifest.key.kind_key in NAMED_BY_CONTENT:
        return None
    name = f"probe-{manifest.digest[:20]}"
    body = manifest.document()
    body["metadata"] = {**document.mapping(body, "metadata"), "name": name}
    return replace(manifest, key=manifest.key._replace(name=name), body=document.encode(body))


def judge(
    look: survey.Look,
    before: live.LiveObject,
    refused: live.Refused,
    *,
    sent: manifests.Manifest,
    probed: live.Applied,
    purpose: rollouts.Purpose,
) -> plans.Change | outcomes.Hold:
    """What to do about an object of which the server takes the manifest under another name, and not under its own."""
    fields = ", ".join(refused.fields) or "a field"
    complaint = _refusal(sent, _allowed(sent, before, purpose=purpose))
    if complaint:
        because = f"{sent.key} ({sent.origin}): {fields} cannot be changed on the live object; {complaint}"
        return outcomes.Hold(outcomes.HoldReason.IMMUTABLE, f"{because}. The server says: {refused.message}")
    was, will = diff.comparable(before.document()), diff.comparable(probed.live.document())
    will["metadata"] = {**document.mapping(will, "metadata"), "name": sent.key.name}
    propagation = _propagation(sent.key, was, will)
    return plans.Change(
        plans.Action.REPLACED,
        sent.key,
        f"{fields} cannot be changed: deleted ({CHILDREN[propagation]}), then made again, as {OPT_IN} allows",
        manifest=sent,
        uid=before.meta.uid,
        live=before.meta,
        fields=diff.fields(sent.key, was, will),
        propagation=propagation,
    )


CHILDREN = {
    live.Propagation.BACKGROUND: "its children go after it",
    live.Propagation.FOREGROUND: "its children go before it",
    live.Propagation.ORPHAN: "its pods stay, and the new one takes them in",
}


def _allowed(sent: manifests.Manifest, before: live.LiveObject, *, purpose: rollouts.Purpose) -> str:
    """The opt-in's value; '' without one. On the way back it counts from either side (E2): whoever allowed
    the failed release to replace the object has allowed its return. The live one counts if it is from Git."""
    said = document.text(sent.document(), "metadata", "annotations", OPT_IN)
    if said or purpose is not rollouts.Purpose.REVERT:
        return said
    body = before.document()
    ours = document.at(managed.ours(body), "f:metadata", "f:annotations", f"f:{OPT_IN}") is not None
    return document.text(body, "metadata", "annotations", OPT_IN) if ours else ""


def _refusal(sent: manifests.Manifest, said: str) -> str:
    """Why it may not be replaced, and what would help; '' when it may."""
    kind = kinds.of(sent.key)
    another = "take the change back, or give the object another name"
    if kind is not None and kind.protected:
        return f"a {kind.key} is never replaced, what goes with it does not come back; {another}"
    if kind is not None and kind.stateful:
        if said == YES_STATEFUL:
            return ""
        lost = f"a {kind.key} loses data, identity or work done when it is deleted and made again; {another}"
        return f'{lost}, or accept the loss with the annotation {OPT_IN}: "{YES_STATEFUL}"'
    if said in (YES, YES_STATEFUL):
        return ""
    wrong = f' (it says "{said}" now)' if said else ""
    return f'{another}, or allow that it is deleted and made again with the annotation {OPT_IN}: "{YES}"{wrong}'


def _propagation(key: ids.ObjectKey, was: document.Json, will: document.Json) -> live.Propagation:
    """Pods of a StatefulSet go on under the new one where its selector still finds them; with another selector, and
    those of a Job, they must be gone first: their names, or their work, would be there twice. Others go afterwards,
    so that the new pods need not wait for the old ones."""
    if key.kind_key == STATEFUL_SET and document.at(was, "spec", "selector") == document.at(will, "spec", "selector"):
        return live.Propagation.ORPHAN
    if key.kind_key in (STATEFUL_SET, JOB):
        return live.Propagation.FOREGROUND
    return live.Propagation.BACKGROUND
