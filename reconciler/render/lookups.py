"""Charts that ask the cluster (`lookup`) hear nothing here, as with `helm template`: a person should know of it."""

import re
from collections.abc import Iterator, Sequence

from reconciler.model import sources, targets

SHOWN = 5
_ACTION = re.compile(r"\{\{(?!-?\s*/\*).*?\}\}", re.DOTALL)
_LOOKUP = re.compile(r'(?<![\w.$])lookup\s+(?:"([^"]*)"\s+"([^"]*)")?')


def notes(files: Sequence[sources.File], *, source: targets.Chart) -> tuple[str, ...]:
    """A sentence for each place in the chart's templates; many are counted. Packed subcharts are out of reach."""
    below = f"{source.path}/" if source.path else ""
    places = [
        place
        for file in files
        if file.path.startswith(below) and "templates/" in file.path and b"lookup" in file.content
        for place in _places(file)
    ]
    shown = tuple(f"{place}: finds nothing here, as with helm template" for place in places[:SHOWN])
    hidden = len(places) - SHOWN
    return (*shown, f"{hidden} more lookups find nothing here") if hidden > 0 else shown


def _places(file: sources.File) -> Iterator[str]:
    """`charts/web/templates/secret.yaml:3 may look up Secret (v1) in the cluster`."""
    text = file.content.decode("utf-8", "replace")
    for action in _ACTION.finditer(text):
        for found in _LOOKUP.finditer(action[0]):
            line = text.count("\n", 0, action.start() + found.start()) + 1
            what = f"{found[2]} ({found[1]})" if found[2] else "an object"
            yield f"{file.path}:{line} may look up {what} in the cluster"
