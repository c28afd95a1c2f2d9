"""A rehearsal as people and programs read it: text for a terminal, Markdown for a pull request, data for a script."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace

from reconciler.model import document
from reconciler.pipeline import previewing
from reconciler.rehearsal import played, story, verdict

SYMBOLS = {
    verdict.End.UNTOUCHED: "✓",
    verdict.End.SUCCEEDS: "✓",
    verdict.End.HELD: "✗",
    verdict.End.REVERTED: "✗",
    verdict.End.FAILS: "✗",
    verdict.End.UNKNOWN: "?",
}
TIME = 11
"""Width of the column of times: `12 min 30 s`."""


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 0 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def text(rehearsal: played.Rehearsal, *, width: int, diff: bool = False) -> str:
    """For a terminal of so many columns; ends with a newline. `diff`: with the fields that change."""
    lines = [_heading(rehearsal)]
    for target in rehearsal.played:
        lines += ["", *_target(target, width=width, diff=diff)]
    said = [
        *(f"cannot tell: {trouble}" for trouble in rehearsal.troubles),
        *(f"note: {one}" for one in rehearsal.notes),
    ]
    if said:
        lines.append("")
    for one in said:
        lines += _wrapped(one, width=width, first="", others="  ")
    return "\n".join(lines) + "\n"


def _heading(rehearsal: played.Rehearsal) -> str:
    end = verdict.overall(rehearsal)
    named = f"{rehearsal.ref} ({rehearsal.change[:12]})" if rehearsal.ref else rehearsal.change[:12]
    return f"{SYMBOLS[end]} {named} onto {rehearsal.base[:12]}: {end.value}"


def _target(target: played.Played, *, width: int, diff: bool) -> Iterator[str]:
    found = verdict.of(target)
    yield f"{target.target}: {found.end.value}{_after(found)}"
    yield from _wrapped(found.because, width=width, first="  ", others="  ")
    plan = _plan(target, diff=diff).splitlines()
    if any(plan):
        yield from ("", *plan)
    if steps := story.steps(target):
        yield ""
        for step in steps:
            first = f"  {duration(step.at):>{TIME}}  "
            yield from _wrapped(step.text, width=width, first=first, others=" " * len(first))


def _plan(target: played.Played, *, diff: bool) -> str:
    """What the plan says below its first line."""
    shown = previewing.text(target.preview if diff else _bare(target.preview))
    return shown.partition("\n")[2].strip("\n")


def _bare(preview: previewing.Preview) -> previewing.Preview:
    """Without fields: which objects change, and no more."""
    plan = preview.plan
    if plan is None:
        return preview
    waves = tuple(tuple(replace(change, fields=()) for change in wave) for wave in plan.waves)
    prunes = tuple(replace(change, fields=()) for change in plan.prunes)
    hooks = tuple((when, replace(change, fields=())) for when, change in plan.hooks)
    return replace(preview, plan=replace(plan, waves=waves, prunes=prunes, hooks=hooks))


def _after(found: verdict.Verdict) -> str:
    return f" after {duration(found.seconds)}" if found.seconds else ""


def _wrapped(said: str, *, width: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        _safe(said),
        width=max(width, 40),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def markdown(rehearsal: played.Rehearsal) -> str:
    """For a comment on a pull request: the verdict first, plan and story folded."""
    end = verdict.overall(rehearsal)
    parts = [f"### Rehearsal: {end.value} {MARKS[end]}", ""]
    for target in rehearsal.played:
        found = verdict.of(target)
        parts += [f"**`{target.target}`: {found.end.value}{_after(found)}**", "", inline(found.because), ""]
        parts += ["<details><summary>Plan and story</summary>", "", previewing.markdown(target.preview)]
        if steps := story.steps(target):
            parts += ["| after | |", "|--:|---|"]
            parts += [f"| {duration(step.at)} | {inline(step.text)} |" for step in steps]
            parts.append("")
        parts += ["</details>", ""]
    parts += [f"> **Cannot tell:** {inline(trouble)}\n" for trouble in rehearsal.troubles]
    parts += [f"* {inline(note)}" for note in rehearsal.notes]
    return "\n".join(parts).rstrip("\n") + "\n"


MARKS = {end: {"✓": ":white_check_mark:", "✗": ":x:", "?": ":grey_question:"}[mark] for end, mark in SYMBOLS.items()}


def inline(value: str) -> str:
    """Text in Markdown that means nothing but itself."""
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#!@" else character for character in _safe(value))


def _safe(value: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(value.split()))


def data(rehearsal: played.Rehearsal) -> document.Json:
    """For a script. Names are stable."""
    return {
        "verdict": WORDS[verdict.overall(rehearsal)],
        "base": rehearsal.base,
        "change": rehearsal.change,
        "ref": rehearsal.ref or None,
        "notes": list(rehearsal.notes),
        "troubles": list(rehearsal.troubles),
        "targets": [_as_data(target) for target in rehearsal.played],
    }


WORDS = {
    verdict.End.UNTOUCHED: "unchanged",
    verdict.End.SUCCEEDS: "succeeds",
    verdict.End.HELD: "held",
    verdict.End.REVERTED: "reverted",
    verdict.End.FAILS: "fails",
    verdict.End.UNKNOWN: "unknown",
}
"""The verdict's word for scripts."""


def _as_data(target: played.Played) -> document.Json:
    found, hold, revert = verdict.of(target), target.after.hold, target.after.git_revert
    git: document.Json | None = None
    if revert and revert != target.before.git_revert:
        git = {"step": revert.step.value, "paths": list(revert.paths), "because": revert.because}
    return {
        "target": str(target.target),
        "verdict": WORDS[found.end],
        "because": found.because,
        "seconds": round(found.seconds, 1),
        "hold": hold.reason.value if hold else None,
        "git": git,
        "plan": previewing.data(target.preview),
        "steps": [
            {"at": round(moment.at, 1), "what": moment.event.kind.value, "because": moment.event.because}
            for moment in target.moments
        ],
    }
