"""A plan as people and programs read it: text for a terminal, Markdown for a pull request, data for a script.

Values are masked already (plan/diff.py). What a cluster or a repository says is shown without characters that could
move a terminal's cursor or end a Markdown block.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from reconciler.model import document, outcomes, plans

SYMBOLS = {
    plans.Action.CREATED: "+",
    plans.Action.CONFIGURED: "~",
    plans.Action.ADOPTED: "@",
    plans.Action.PRUNED: "-",
    plans.Action.REPLACED: "±",
    plans.Action.ORPHANED: "○",
    plans.Action.SKIPPED: "!",
    plans.Action.UNCHANGED: "=",
}

VALUE_LENGTH = 120
"""Characters shown of one value: what does not fit one line helps nobody to decide."""


def text(plan: plans.Plan, *, holds: Sequence[outcomes.Hold] = (), notes: Sequence[str] = ()) -> str:
    """The plan for a terminal: one block an object, unchanged ones only counted; ends with a newline."""
    parts = [f"{plan.target}"]
    shown = [tuple(_shown(wave)) for wave in plan.waves]
    for number, wave in enumerate(shown, start=1):
        if wave:
            parts += ["", f"{number} of {len(shown)}: {wave[0].place}"] if len(shown) > 1 else [""]
            parts += [line for change in wave for line in _block(change)]
    for when in dict.fromkeys(when for when, _ in plan.hooks):
        parts += ["", f"hooks, {when}"]
        parts += [line for its, change in plan.hooks if its == when for line in _block(change)]
    if prunes := tuple(_shown(plan.prunes)):
        parts += ["", "prune, once everything is healthy"]
        parts += [line for change in prunes for line in _block(change)]
    if holds:
        parts += ["", "held"]
        parts += [f"  {hold.reason.value}: {_safe(hold.because)}" for hold in holds]
    if notes:
        parts += ["", *(f"note: {_safe(note)}" for note in notes)]
    return "\n".join([*parts, "", counts(plan)]) + "\n"


def markdown(plan: plans.Plan, *, holds: Sequence[outcomes.Hold] = (), notes: Sequence[str] = ()) -> str:
    """The plan for a pull request: a heading with the counts, holds that cannot be overlooked, the rest as a diff."""
    lines = [f"### Plan for `{plan.target}`", "", counts(plan)]
    for hold in holds:
        lines += ["", f"> **Held, {hold.reason.value}:** {_inline(hold.because)}"]
    body = [line for change in plan.changes for line in _diff(change)]
    body += [line for when, change in plan.hooks for line in (f"# hook, {when}", *_diff(change))]
    if body:
        fence = "`" * (max(3, *(_backticks(line) + 1 for line in body)))
        lines += ["", f"{fence}diff", *body, fence]
    if notes:
        lines += ["", *(f"* {_inline(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def data(plan: plans.Plan, *, holds: Sequence[outcomes.Hold] = (), notes: Sequence[str] = ()) -> document.Json:
    """The plan for a script: JSON-able, without the manifests' contents. Names are stable."""
    return {
        "target": str(plan.target),
        "manifestDigest": plan.manifest_digest,
        "counts": dict(_counted(plan)),
        "waves": [[_as_data(change) for change in wave] for wave in plan.waves],
        "hooks": [_as_data(change) | {"when": when} for when, change in plan.hooks],
        "prunes": [_as_data(change) for change in plan.prunes],
        "holds": [{"reason": hold.reason.value, "because": hold.because} for hold in holds],
        "notes": list(notes),
    }


def counts(plan: plans.Plan) -> str:
    """`2 created, 1 pruned, 12 unchanged`."""
    return ", ".join(f"{number} {action}" for action, number in _counted(plan)) or "no objects"


def _counted(plan: plans.Plan) -> list[tuple[str, int]]:
    found = Counter(change.action for change in plan.changes)
    return [(action.value, found[action]) for action in SYMBOLS if found[action]]


def _shown(changes: Sequence[plans.Change]) -> Iterator[plans.Change]:
    return (change for change in changes if change.action is not plans.Action.UNCHANGED)


def _block(change: plans.Change) -> Iterator[str]:
    yield f"  {SYMBOLS[change.action]} {change.key}  ({_safe(change.because)})"
    if change.unknown:
        yield f"      cannot tell more before it is applied: {_safe(change.unknown)}"
    for field in change.fields:
        yield f"      {_safe(field.path)}: {_transition(field)}"


def _transition(field: plans.FieldChange) -> str:
    if field.before is None:
        return f"+ {_value(field.after)}"
    if field.after is None:
        return f"- {_value(field.before)}"
    return f"{_value(field.before)} → {_value(field.after)}"


def _diff(change: plans.Change) -> Iterator[str]:
    """Lines that a host colours by their first character."""
    if change.action is plans.Action.UNCHANGED:
        return
    first = {"+": "+", "-": "-"}.get(SYMBOLS[change.action], "!")
    yield f"{first} {change.action.value} {change.key}  ({_safe(change.because)})"
    if change.unknown:
        yield f"#   cannot tell more before it is applied: {_safe(change.unknown)}"
    for field in change.fields:
        if field.before is not None:
            yield f"-   {_safe(field.path)}: {_value(field.before)}"
        if field.after is not None:
            yield f"+   {_safe(field.path)}: {_value(field.after)}"


def _as_data(change: plans.Change) -> document.Json:
    return {
        "action": change.action.value,
        "group": change.key.group,
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "because": change.because,
        "force": change.force,
        "unknown": change.unknown,
        "wave": change.place.wave,
        "fields": [{"path": field.path, "before": field.before, "after": field.after} for field in change.fields],
    }


def _value(value: str | None) -> str:
    shown = _safe(value or "")
    return shown if len(shown) <= VALUE_LENGTH else f"{shown[: VALUE_LENGTH - 1]}…"


def _safe(value: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    if value.isprintable():
        return value
    return "".join(
        character if character.isprintable() else " " if character.isspace() else f"\\u{ord(character):04x}"
        for character in value
    )


def _inline(value: str) -> str:
    """Text in Markdown that means nothing but itself."""
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#!@" else character for character in _safe(value))


def _backticks(line: str) -> int:
    longest = run = 0
    for character in line:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
