"""Taking over what another tool made: who that is, whether Git allows it, and what becomes of its records and marks.

Its records of fields become ours, else a field that is dropped from Git later would stay for ever, as nobody's wish:
a field goes when its last owner drops it.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model import document, ids, live, manifests, outcomes, plans, targets
from reconciler.plan import diff, managed

Maker = targets.Maker
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RELEASE = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
KUSTOMIZATION, HELM_RELEASE = "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"
ARGO_NAMESPACE = "argocd"
"""Where Argo CD is installed unless somebody chose another place."""

MANAGERS = {
    Maker.KUBECTL: ("kubectl", "before-first-apply"),
    Maker.HELM: ("helm", "Helm"),
    Maker.FLUX: ("kustomize-controller", "helm-controller", "flux"),
    Maker.ARGOCD: ("argocd",),
}
"""Beginnings of the field managers under which each tool writes. What people did with kubectl goes with all of them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a live object, as far as its marks tell: `who` in words; `controller`: what would apply it again."""

    maker: Maker | None
    who: str
    controller: ids.ObjectKey | None = None


def origin(body: document.Json) -> Origin:
    """The outermost tool: Flux's Helm releases carry Helm's marks as well, and Argo CD leaves kubectl's."""
    annotations, labels = managed.texts(body, "annotations"), managed.texts(body, "labels")
    writers = sorted({document.text(entry, "manager") for entry in _writers(body)})
    if app := annotations.get(TRACKING, "").partition(":")[0] or _argo_instance(labels, writers):
        namespace, slash, name = app.partition("_")
        key = ids.ObjectKey("argoproj.io", "Application", *((namespace, name) if slash else (ARGO_NAMESPACE, app)))
        return Origin(Maker.ARGOCD, f"Argo CD's application {app}", key)
    for group, kind in ((KUSTOMIZATION, "Kustomization"), (HELM_RELEASE, "HelmRelease")):
        if named := labels.get(f"{group}/name"):
            controller = ids.ObjectKey(group, kind, labels.get(f"{group}/namespace", ""), named)
            return Origin(Maker.FLUX, f"Flux's {kind} {controller.namespace}/{named}", controller)
    if release := annotations.get(RELEASE):
        return Origin(Maker.HELM, f"Helm's release {annotations.get(RELEASE_NAMESPACE, '')}/{release}")
    if LAST_APPLIED in annotations or any(_begins(writer, MANAGERS[Maker.KUBECTL]) for writer in writers):
        return Origin(Maker.KUBECTL, "kubectl")
    return Origin(None, f"the field managers {', '.join(writers)}" if writers else "somebody who left no record")


def refusal(found: live.LiveObject, its: Origin, target: targets.Target) -> outcomes.Hold | None:
    """Why the object is not taken over, naming whose it is and how to allow it; None when Git allows it."""
    adopt, writers = target.adopt, [document.text(entry, "manager") for entry in _writers(found.document())]
    if its.maker in adopt.makers or (its.maker is None and any(writer in adopt.managers for writer in writers)):
        return None
    allow = f"from: [{its.maker.value}]" if its.maker else f"managers: [{', '.join(sorted(set(writers))) or '…'}]"
    because = (
        f"{found.meta.key}: it exists already and was made by {its.who}; to take it over write"
        f" adopt: {{{allow}}} in {target.folder}/application.yaml"
    )
    return outcomes.Hold(outcomes.HoldReason.UNMANAGED, because)


def at_work(controller: document.Json, its: Origin, key: ids.ObjectKey) -> outcomes.Hold | None:
    """The hold when `controller`, which applies the object, has not been stopped: two would undo each other's work."""
    if its.maker is Maker.FLUX and document.at(controller, "spec", "suspend") is not True:
        remedy = "suspend it first (flux suspend), and delete it when everything of it is taken over"
    elif its.maker is Maker.ARGOCD and document.mapping(controller, "spec", "syncPolicy", "automated"):
        remedy = "switch its automated sync off first, and delete it without its resources afterwards"
    else:
        return None
    because = f"{key}: {its.who} is still at work and would apply it again; {remedy}"
    return outcomes.Hold(outcomes.HoldReason.FOREIGN_MANAGER, because)


def change(
    found: live.LiveObject, its: Origin, reply: live.Applied, *, sent: manifests.Manifest, adopt: targets.Adopt
) -> plans.Change:
    """The object taken over: the records and marks first, then it is ours and the next round applies what differs.

    `reply` answered a forced dry-run of `sent`. What only the other tool owns, and we do not render, goes with that.
    """
    body = found.document()
    marks = tuple(_marks(body, its))
    moved = [entry for entry in _writers(body) if _moves(entry, its, adopt) and _same_version(entry, sent)]
    kept = [entry for entry in managed.entries(body) if entry not in moved and not managed.is_ours(entry)]
    claimed = managed.union(managed.ours(body), *(document.mapping(entry, "fieldsV1") for entry in moved))
    if adopt.marks is targets.Marks.KEEP:
        claimed = managed.without(claimed, *marks)
    was, after = diff.comparable(body), reply.live.document()
    will = diff.comparable(after)
    managed.removed(will, _leaving(claimed, after, kept=kept, marks=marks, adopt=adopt))
    return plans.Change(
        plans.Action.ADOPTED,
        sent.key,
        f"taken over from {its.who}, as application.yaml allows; its marks are {_MARKS[adopt.marks]}",
        manifest=sent,
        uid=found.meta.uid,
        live=found.meta,
        fields=diff.fields(sent.key, was, will),
        handover=_handover(found, kept, claimed, sent=sent, marks=() if adopt.marks is targets.Marks.KEEP else marks),
    )


def note(its: Origin) -> str:
    """What a person should know of the tool that is left behind; '' when there is nothing."""
    if its.maker is not Maker.HELM:
        return ""
    name = its.who.rpartition("/")[2]
    return (
        f"{its.who} still has its Secrets sh.helm.release.v1.{name}.*, which are left alone: `helm uninstall` would"
        f" delete what is taken over; forget the release with `kubectl delete secret -l owner=helm,name={name}`"
    )


_MARKS = {targets.Marks.REMOVE: "removed", targets.Marks.KEEP: "kept"}


def _handover(
    found: live.LiveObject,
    kept: list[document.Json],
    claimed: document.Json,
    *,
    sent: manifests.Manifest,
    marks: tuple[managed.Path, ...],
) -> live.Handover:
    body = found.document()
    managed.removed(body, marks)
    annotations, labels = managed.texts(body, "annotations"), managed.texts(body, "labels")
    annotations[ids.MARK] = document.text(sent.document(), "metadata", "annotations", ids.MARK)
    mine: document.Json = {
        "manager": managed.MANAGER,
        "operation": "Apply",
        "apiVersion": sent.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": claimed,
    }
    return live.Handover(
        found.meta.uid,
        found.meta.resource_version,
        document.encode([*kept, mine]),
        tuple(sorted(annotations.items())),
        tuple(sorted(labels.items())),
    )


def _leaving(
    claimed: document.Json,
    after: document.Json,
    *,
    kept: list[document.Json],
    marks: tuple[managed.Path, ...],
    adopt: targets.Adopt,
) -> set[managed.Path]:
    """What nobody wants once the records are ours: claimed, not rendered, and owned by nobody else."""
    wanted = set(managed.paths(managed.union(managed.ours(after), *(document.mapping(e, "fieldsV1") for e in kept))))
    leaving = {path for path in managed.paths(claimed) if not any(path[: len(own)] == own for own in wanted)}
    return leaving | (set(marks) if adopt.marks is targets.Marks.REMOVE else set())


def _marks(body: document.Json, its: Origin) -> Iterator[managed.Path]:
    """Labels and annotations by which the tool knows the object."""
    tools = ("meta.helm.sh/", "argocd.argoproj.io/tracking-id", f"{KUSTOMIZATION}/", f"{HELM_RELEASE}/", LAST_APPLIED)
    for which in ("annotations", "labels"):
        for name in managed.texts(body, which):
            if name.startswith(tools) or (name == INSTANCE and its.maker is Maker.ARGOCD):
                yield ("f:metadata", f"f:{which}", f"f:{name}")


def _writers(body: document.Json) -> Iterator[document.Json]:
    """Records of whoever wrote more than a subresource, without Kubernetes' own controllers and us."""
    for entry in managed.entries(body):
        manager = document.text(entry, "manager")
        if not entry.get("subresource") and not manager.startswith("kube-") and manager != managed.MANAGER:
            yield entry


def _moves(entry: document.Json, its: Origin, adopt: targets.Adopt) -> bool:
    manager = document.text(entry, "manager")
    tools = (Maker.KUBECTL, Maker.HELM, its.maker) if its.maker else (Maker.KUBECTL,)
    return manager in adopt.managers or any(_begins(manager, MANAGERS[tool]) for tool in tools)


def _same_version(entry: document.Json, sent: manifests.Manifest) -> bool:
    """Fields of another version of the kind may not exist in ours: those records stay."""
    return document.text(entry, "apiVersion") == sent.api_version


def _begins(manager: str, beginnings: tuple[str, ...]) -> bool:
    return manager.startswith(beginnings)


def _argo_instance(labels: dict[str, str], writers: list[str]) -> str:
    """The label is Argo CD's only where Argo CD writes: charts set it as well."""
    return labels.get(INSTANCE, "") if any(_begins(writer, MANAGERS[Maker.ARGOCD]) for writer in writers) else ""
