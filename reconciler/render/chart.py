"""The text that Helm rendered: documents with the template they come from, without the chart's tests."""

import re
from dataclasses import dataclass

from reconciler import errors, yamltext
from reconciler.model import document, manifests, targets
from reconciler.render import parsed

HOOK = "helm.sh/hook"
TESTS = frozenset({"test", "test-success", "test-failure"})
SOURCE = re.compile(r"^---\n# Source: ([^\n]+)\n", re.MULTILINE)
GLUED = re.compile(r"^---[ \t]*(?=[^\s-])", re.MULTILINE)
"""A separator with something behind it on its line, as `{{-` leaves it: Helm splits there, strict YAML does not."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart renders to, and a sentence for each thing left out."""

    parsed: tuple[parsed.Parsed, ...]
    notes: tuple[str, ...]


def read(text: str, *, chart: targets.Chart) -> Rendered:
    """Split by Helm's `# Source:` comments and parse each part on its own, so that no template can open another's YAML.

    cert-manager's `---# Permission to approve` is a separator to Helm, so it is one here. The line in a problem counts
    within the rendered template, with such a separator on a line of its own. Raises `errors.InvalidInput` with all of
    them.
    """
    found: list[parsed.Parsed] = []
    notes: list[str] = []
    problems: list[str] = []
    parts = SOURCE.split(text)
    if parts[0].strip():
        problems.append(f"{chart.path}: Helm's output does not begin with a # Source: comment; report this as a bug")
    for named, part in zip(parts[1::2], parts[2::2], strict=True):
        path = in_repository(named, chart=chart)
        try:
            documents = yamltext.load_all(GLUED.sub("---\n", part), f"{path} (rendered)")
        except errors.InvalidInput as refused:
            problems += refused.problems
            continue
        for each in documents:
            kept, note, problem = _judged_as_hook(each.value, path)
            found += [parsed.Parsed(each.value, manifests.Origin(path, 0))] if kept else []
            notes += [note] if note else []
            problems += [problem] if problem else []
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return Rendered(tuple(found), tuple(notes))


def in_repository(named: str, *, chart: targets.Chart) -> str:
    """`web/templates/a.yaml`, as Helm says with the chart's name, as a path from the repository's root."""
    _, slash, rest = named.partition("/")
    path = rest if slash else named
    return f"{chart.path}/{path}" if chart.path else path


def _judged_as_hook(value: document.JsonValue, path: str) -> tuple[bool, str, str]:
    """Whether to keep the document, a note, a problem. Tests would run at every apply; other hooks need an order
    of their own, which applying them as ordinary objects would ignore."""
    if not isinstance(value, dict):
        return True, "", ""
    hooks = document.mapping(value, "metadata", "annotations").get(HOOK)
    if not isinstance(hooks, str) or not hooks.strip():
        return True, "", ""
    kinds = sorted(hook.strip() for hook in hooks.split(","))
    named = f"{document.text(value, 'kind') or 'object'} {document.text(value, 'metadata', 'name') or 'without a name'}"
    if set(kinds) <= TESTS:
        return False, f"test hook {named} of {path} left out", ""
    return (
        False,
        "",
        f"{path}: {named} is a Helm hook ({', '.join(kinds)}), not supported yet; make it part of the release",
    )
