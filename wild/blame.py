"""Whose a failure is: told from the sentence that a person reads, since that is all a person has.

What no rule explains is ours until somebody shows otherwise.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass


class Whose(enum.Enum):
    THEIRS = "theirs"
    OURS = "ours"
    BARE = "the bare control plane's"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that did not work: `because` is the sentence as the user gets it, `why` why it is whose it is."""

    whose: Whose
    because: str
    why: str


RULES: tuple[tuple[str, Whose, str], ...] = (
    (r"a symbolic link to .* has no end", Whose.OURS, "refused on purpose: a folder within itself"),
    (
        r"a symbolic link to ",
        Whose.THEIRS,
        "it leads out of what was given, or nowhere: give a root that holds its target",
    ),
    (r"not supported yet", Whose.OURS, "refused by name: a feature that is missing here"),
    (r"report this as a bug", Whose.OURS, "says so itself"),
    (r"is not known to the cluster", Whose.BARE, "its CustomResourceDefinition is not in the folder"),
    (r"does not serve", Whose.BARE, "its CustomResourceDefinition is not in the folder"),
    (r"is not served as ", Whose.THEIRS, "an API version that Kubernetes has removed"),
    (
        r"failed calling webhook|no endpoints available|connection refused",
        Whose.BARE,
        "what would answer is no process",
    ),
    (r"(between|one of) two renders", Whose.THEIRS, "the chart renders to something else each time"),
    (r"nothing is downloaded", Whose.THEIRS, "the chart's dependencies are not in the folder"),
    (r"a library chart cannot be installed", Whose.THEIRS, "not meant to be installed"),
    (r"wants Kubernetes ", Whose.THEIRS, "made for other versions of Kubernetes"),
    (r"is already in ", Whose.THEIRS, "the folder holds the same object twice"),
    (
        r"(apiVersion|kind|metadata) is missing|not an object; a manifest|no Kubernetes object",
        Whose.THEIRS,
        "no manifest",
    ),
    (r"metadata\.\w+ is (set|missing)|generateName", Whose.THEIRS, "no object that Git can keep"),
    (r"correct the YAML syntax|already set (on line|above)|text follows ---|byte order mark", Whose.THEIRS, "no YAML"),
    (
        r"(execution error at|parse error at|error calling|nil pointer|template: |values don't meet)",
        Whose.THEIRS,
        "Helm",
    ),
    (r"field not declared in schema|failed to (create typed|convert new)", Whose.THEIRS, "the server's own schema"),
    (r"is invalid: |denied the request|unknown field|duplicate entries", Whose.THEIRS, "the server's own verdict"),
    (r"not healthy|relapse", Whose.BARE, "applied; no controller or node makes it healthy here"),
)


def attributed(because: str) -> Failure:
    """The first rule that fits."""
    for pattern, whose, why in RULES:
        if re.search(pattern, because):
            return Failure(whose, because, why)
    return Failure(Whose.OURS, because, "nothing else explains it")


def all_of(sentences: Iterable[str]) -> tuple[Failure, ...]:
    """One each, in order, without repetition."""
    return tuple(attributed(sentence) for sentence in dict.fromkeys(sentences))
