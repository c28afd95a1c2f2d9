"""Custom resources: the conditions they share, and the lines of `custom_kinds`. Not saying is not passing."""

from collections.abc import Iterable, Sequence

from reconciler import custom_kinds
from reconciler.model import document
from reconciler.verify import judgement

UNTOLD = 30.0
"""Seconds in which a kind may be about to write its first status: an operator that starts in the same commit needs
some. Half of the deadline where that is shorter. What has said nothing by then is told apart from what is healthy."""


def generic(found: document.Json, patience: judgement.Patience) -> judgement.Judgement:
    """A kind that nobody has described here: its condition Ready, and Crossplane's Synced where there is one."""
    known = [kind for kind in ("Synced", "Ready") if judgement.condition(found, kind)]
    if known:
        return _all_true(found, known, generation=_generation(found))
    others = [document.text(one, "type") for one in _conditions(found)]
    if named := ", ".join(name for name in others if name):
        return _untold(f"has no condition Ready (only {named}): nothing here tells how it does", patience)
    if document.mapping(found, "status"):
        return _untold("has a status without conditions: nothing here tells how it does", patience)
    return _untold("has no status: nothing here tells how it does", patience)


def described(rule: custom_kinds.Rule, found: document.Json, patience: judgement.Patience) -> judgement.Judgement:
    """A kind that has its line."""
    match rule:
        case custom_kinds.Silent():
            return judgement.healthy("exists")
        case custom_kinds.ByWord():
            return _by_word(rule, found)
        case custom_kinds.ByConditions():
            if rule.parents:
                return _by_parents(rule, found)
            return _by_conditions(rule, found, generation=_generation(found), patience=patience)


def _by_conditions(
    rule: custom_kinds.ByConditions,
    found: document.Json,
    *,
    generation: int,
    patience: judgement.Patience,
) -> judgement.Judgement:
    if seen := _sign(found, rule.suspended, generation=generation):
        return judgement.suspended(f"is suspended: {_said(seen)}")
    if seen := _sign(found, rule.failed, generation=generation):
        return judgement.failed(_said(seen))
    if (seen := _sign(found, rule.troubled, generation=generation)) and patience.settled:
        return judgement.troubled(_said(seen))
    return _all_true(found, rule.ready, generation=generation)


def _all_true(found: document.Json, wanted: Sequence[str], *, generation: int) -> judgement.Judgement:
    """Each condition may carry its own generation (`metav1.Condition`)."""
    for kind in wanted:
        seen = judgement.condition(found, kind)
        if seen is None:
            return judgement.progressing(f"has no condition {kind} yet")
        if _outdated(seen, generation):
            return judgement.progressing(f"its condition {kind} is of an earlier generation")
        if seen.get("status") != "True":
            return judgement.progressing(f"is not {_adjective(kind)}{judgement.because_of(seen)}")
    newest = judgement.condition(found, wanted[-1])
    return judgement.healthy(f"is {_adjective(wanted[-1])}{judgement.because_of(newest)}")


def _by_parents(rule: custom_kinds.ByConditions, found: document.Json) -> judgement.Judgement:
    """A route is served when each parent that it names has taken it. A parent may be told of by several controllers;
    each of them has to have taken it."""
    wanted = [one for one in document.items(found, "spec", "parentRefs") if isinstance(one, dict)]
    told = [one for one in document.items(found, "status", rule.parents) if isinstance(one, dict)]
    if not wanted:
        return judgement.healthy("exists, without a parent to serve it")
    for reference in wanted:
        name = document.text(reference, "name")
        own = [one for one in told if _repeats(document.mapping(one, "parentRef"), reference)]
        if not own:
            return judgement.progressing(f"parent {name} has not taken it yet: no controller has said anything of it")
        for one in own:
            judged = _all_true({"status": one}, rule.ready, generation=_generation(found))
            if not judged.state.well:
                return judgement.progressing(f"parent {name}: {judged.because}")
    return judgement.healthy(f"{judgement.count(len(wanted), 'parent')} serve{'s' if len(wanted) == 1 else ''} it")


def _repeats(told: document.Json, reference: document.Json) -> bool:
    """Whether a controller means that reference: it may have filled in what the route leaves out."""
    return all(told.get(field) == value for field, value in reference.items())


def _by_word(rule: custom_kinds.ByWord, found: document.Json) -> judgement.Judgement:
    word = document.text(found, *rule.path)
    where = ".".join(rule.path)
    if not word:
        return judgement.progressing(f"has no {where} yet")
    message = document.text(found, *rule.message)
    said = f"says {word}{f' ({message})' if message else ''}"
    if word in rule.failed:
        return judgement.failed(said)
    if word in rule.troubled:
        return judgement.troubled(said)
    return judgement.healthy(f"says {word}") if word in rule.well else judgement.progressing(said)


def _untold(said: str, patience: judgement.Patience) -> judgement.Judgement:
    """Neither passes nor fails once patience is over, and is said (docs/decisions/0055)."""
    if patience.observing or patience.spent >= min(UNTOLD, patience.deadline / 2):
        return judgement.suspended(f"exists; it {said}")
    return judgement.progressing(f"exists; it {said}, yet")


def _sign(found: document.Json, signs: Iterable[custom_kinds.Sign], *, generation: int) -> document.Json | None:
    """The first condition that is one of the signs, and is of the present generation."""
    for sign in signs:
        seen = judgement.condition(found, sign.condition)
        if seen is None or seen.get("status") != sign.status or _outdated(seen, generation):
            continue
        if not sign.reasons or document.text(seen, "reason") in sign.reasons:
            return seen
    return None


def _outdated(seen: document.Json, generation: int) -> bool:
    observed = seen.get("observedGeneration")
    return isinstance(observed, int) and observed < generation


def _said(seen: document.Json) -> str:
    """`its condition Issuing is False (Failed: …)`."""
    return f"its condition {document.text(seen, 'type')} is {seen.get('status')}{judgement.because_of(seen)}"


def _adjective(kind: str) -> str:
    """Ready → `ready`; longer names stay as they are, to be found in the object."""
    return kind.lower() if kind in ("Ready", "Synced", "Available", "Accepted", "Programmed", "Installed") else kind


def _conditions(found: document.Json) -> list[document.Json]:
    return [one for one in document.items(found, "status", "conditions") if isinstance(one, dict)]


def _generation(found: document.Json) -> int:
    return document.number(found, "metadata", "generation")
