"""The order that a document's annotations ask for: its wave, or its place as a hook. What cannot be understood is
refused by name, never passed over.

The words of Argo CD and Helm mean here what they mean there, for charts and people that come from them; where an
object speaks more than one of the three languages, our own words count, then Argo CD's, then Helm's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import document, hooks, order
from reconciler.render import parsed

WAVES_NOTE = f"{order.ARGO_WAVE} is read as {order.WAVE}"
Moment = hooks.Moment
BOTH_PRE = frozenset({Moment.PRE_INSTALL, Moment.PRE_UPGRADE})
BOTH_POST = frozenset({Moment.POST_INSTALL, Moment.POST_UPGRADE})


@dataclass(frozen=True, slots=True)
class Language:
    """One tool's annotations for hooks. `left_out`: words of hooks that no sync runs, and why."""

    hook: str
    removal: str
    moments: Mapping[str, frozenset[hooks.Moment]]
    left_out: Mapping[str, str]
    weight: str = ""


OURS = Language(
    "reconciler.dev/hook",
    "reconciler.dev/hook-delete",
    {
        "pre-sync": BOTH_PRE,
        "sync": frozenset({Moment.SYNC}),
        "post-sync": BOTH_POST,
        "sync-fail": frozenset({Moment.FAILED}),
        "pre-revert": frozenset({Moment.PRE_REVERT}),
        "post-revert": frozenset({Moment.POST_REVERT}),
    },
    {},
)
_AT_DELETION = "it is for the removal of the application, which no sync is"
ARGO = Language(
    "argocd.argoproj.io/hook",
    "argocd.argoproj.io/hook-delete-policy",
    {
        "PreSync": BOTH_PRE,
        "Sync": frozenset({Moment.SYNC}),
        "PostSync": BOTH_POST,
        "SyncFail": frozenset({Moment.FAILED}),
    },
    {"Skip": "it says so", "PreDelete": _AT_DELETION, "PostDelete": _AT_DELETION},
)
HELM = Language(
    "helm.sh/hook",
    "helm.sh/hook-delete-policy",
    {
        "pre-install": frozenset({Moment.PRE_INSTALL}),
        "pre-upgrade": frozenset({Moment.PRE_UPGRADE}),
        "pre-rollback": frozenset({Moment.PRE_REVERT}),
        "post-install": frozenset({Moment.POST_INSTALL}),
        "post-upgrade": frozenset({Moment.POST_UPGRADE}),
        "post-rollback": frozenset({Moment.POST_REVERT}),
    },
    {
        "test": "tests run when somebody asks for them",
        "test-success": "tests run when somebody asks for them",
        "test-failure": "tests run when somebody asks for them",
        "crd-install": "Helm 3 runs none either; definitions belong into the chart's crds/",
        "pre-delete": _AT_DELETION,
        "post-delete": _AT_DELETION,
    },
    weight="helm.sh/hook-weight",
)
LANGUAGES = (OURS, ARGO, HELM)
REMOVALS = {found.value: found for found in hooks.Removal} | {
    "BeforeHookCreation": hooks.Removal.BEFORE,
    "HookSucceeded": hooks.Removal.SUCCEEDED,
    "HookFailed": hooks.Removal.FAILED,
}
TTL = "ttlSecondsAfterFinished"
SUFFIX = 7
"""Characters of the digest that completes a hook's `generateName`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one object's annotations say, and everything wrong with them."""

    wave: int = 0
    hook: hooks.Hook | None = None
    complaints: tuple[str, ...] = ()


def of(annotations: Mapping[str, document.JsonValue]) -> Order:
    """The place of an object among the others."""
    wave, complaints = _wave(annotations)
    language = _language(annotations)
    if language is None:
        return Order(wave, None, tuple(complaints))
    moments: set[hooks.Moment] = set()
    for word in _words(annotations, language.hook):
        if word in language.moments:
            moments |= language.moments[word]
        elif word not in language.left_out:
            known = ", ".join((*language.moments, *language.left_out))
            complaints.append(f"metadata.annotations.{language.hook}: {word!r} is no hook; write one of {known}")
    removals: set[hooks.Removal] = set()
    for word in _words(annotations, language.removal):
        if word in REMOVALS:
            removals.add(REMOVALS[word])
        else:
            known = ", ".join(found.value for found in hooks.Removal)
            complaints.append(f"metadata.annotations.{language.removal}: {word!r} is no policy; write some of {known}")
    if language.weight in annotations:
        weight = order.number(annotations[language.weight])
        if weight is None:
            complaints.append(f'metadata.annotations.{language.weight} is no whole number in quotes; write "1"')
        wave = weight or 0
    return Order(wave, hooks.Hook(frozenset(moments), frozenset(removals)), tuple(complaints))


def left_out(each: parsed.Parsed) -> str:
    """Why an object is a hook that no sync runs, as a note; '' when it is none."""
    annotations = _annotations(each.value)
    language = _language(annotations)
    words = _words(annotations, language.hook) if language else []
    if language is None or not set(words) <= language.left_out.keys():
        return ""
    kind, name = document.text(_mapping(each.value), "kind"), document.text(_mapping(each.value), "metadata", "name")
    named = f"{kind or 'object'} {name or 'without a name'}"
    return f"{words[0]} hook {named} of {each.origin} left out: {language.left_out[words[0]]}"


def named(each: parsed.Parsed) -> parsed.Parsed:
    """A hook's `generateName` completed by its content: the same hook has the same name, another content another."""
    metadata = document.mapping(_mapping(each.value), "metadata")
    start = metadata.get("generateName")
    if not isinstance(start, str) or "name" in metadata or _language(_annotations(each.value)) is None:
        return each
    rest: document.Json = {field: held for field, held in metadata.items() if field != "generateName"}
    name = f"{start}{document.digest(repr(each.value))[:SUFFIX]}"
    return parsed.Parsed({**_mapping(each.value), "metadata": {**rest, "name": name}}, each.origin)


def kept(each: parsed.Parsed) -> parsed.Parsed:
    """A hook's Job that would go as soon as it has ended stays until its end is seen: ingress-nginx' chart and others
    have a `ttlSecondsAfterFinished` of 0, and whoever deploys a published chart cannot write another into it."""
    if not _goes_at_once(each.value):
        return each
    spec = {**document.mapping(_mapping(each.value), "spec"), TTL: hooks.TTL_SEEN}
    return parsed.Parsed({**_mapping(each.value), "spec": spec}, each.origin)


def _goes_at_once(value: document.JsonValue) -> bool:
    found = _mapping(value)
    ttl = document.at(found, "spec", TTL)
    short = type(ttl) is int and 0 <= ttl < hooks.TTL_SEEN
    return short and found.get("kind") == "Job" and _language(_annotations(found)) is not None


def notes(value: document.JsonValue) -> list[str]:
    """What a person should know of the meaning of an object's annotations and fields here."""
    annotations = _annotations(value)
    found = [WAVES_NOTE] if order.ARGO_WAVE in annotations and order.WAVE not in annotations else []
    if _goes_at_once(value):
        name, ttl = document.text(_mapping(value), "metadata", "name"), document.at(_mapping(value), "spec", TTL)
        found.append(f"hook Job {name} is kept for {hooks.TTL_SEEN} s after its end, not {ttl}: the end has to be seen")
    return found


def _wave(annotations: Mapping[str, document.JsonValue]) -> tuple[int, list[str]]:
    """The wave, 0 when none is named, and what is wrong with it."""
    found: dict[str, int] = {}
    complaints = []
    for name in (order.WAVE, order.ARGO_WAVE):
        if name in annotations:
            number = order.number(annotations[name])
            if number is None:
                complaints.append(
                    f'metadata.annotations.{name} is no whole number in quotes; write one as in {order.WAVE}: "1"'
                )
            else:
                found[name] = number
    if len(set(found.values())) > 1:
        complaints.append(
            f'metadata.annotations has {order.WAVE}: "{found[order.WAVE]}" and'
            f' {order.ARGO_WAVE}: "{found[order.ARGO_WAVE]}"; keep one of them'
        )
    return next(iter(found.values()), 0), complaints


def _language(annotations: Mapping[str, document.JsonValue]) -> Language | None:
    return next((language for language in LANGUAGES if _words(annotations, language.hook)), None)


def _words(annotations: Mapping[str, document.JsonValue], name: str) -> list[str]:
    """`pre-install, pre-upgrade` → its words, sorted. What is no text is the judge of shapes' to refuse."""
    text = annotations.get(name)
    return sorted({word.strip() for word in text.split(",")} - {""}) if isinstance(text, str) else []


def _annotations(value: document.JsonValue) -> document.Json:
    return document.mapping(_mapping(value), "metadata", "annotations")


def _mapping(value: document.JsonValue) -> document.Json:
    return value if isinstance(value, dict) else {}
