"""The text that Helm rendered: documents with the template they come from."""

import re
from dataclasses import dataclass

from reconciler import errors, yamltext
from reconciler.model import manifests, targets
from reconciler.render import parsed

SOURCE = re.compile(r"^---\n# Source: ([^\n]+)\n", re.MULTILINE)
GLUED = re.compile(r"^---[ \t]*(?=[^\s-])", re.MULTILINE)
"""A separator with something behind it on its line, as `{{-` leaves it: Helm splits there, strict YAML does not."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart renders to, and a sentence for each thing left out."""

    parsed: tuple[parsed.Parsed, ...]
    notes: tuple[str, ...] = ()


def read(text: str, *, chart: targets.Chart) -> Rendered:
    """Split by Helm's `# Source:` comments and parse each part on its own, so that no template can open another's YAML.

    cert-manager's `---# Permission to approve` is a separator to Helm, so it is one here. The line in a problem counts
    within the rendered template, with such a separator on a line of its own. Raises `errors.InvalidInput` with all of
    them.
    """
    found: list[parsed.Parsed] = []
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
            found.append(parsed.Parsed(each.value, manifests.Origin(path, 0)))
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return Rendered(tuple(found))


def in_repository(named: str, *, chart: targets.Chart) -> str:
    """`web/templates/a.yaml`, as Helm says with the chart's name, as a path from the repository's root."""
    _, slash, rest = named.partition("/")
    path = rest if slash else named
    return f"{chart.path}/{path}" if chart.path else path
