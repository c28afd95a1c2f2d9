"""What a rehearsal may let go wrong, in the words of `--fault`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.settings import values


@dataclass(frozen=True, slots=True)
class Word:
    """One line of the table. `pods`: what new pods get in addition to their annotations; `{}` stands for the value."""

    meaning: str
    default: str = ""
    """Of what may follow after `=`, a duration; '' where nothing may."""
    pods: Mapping[str, str] = field(default_factory=dict)


WORDS: dict[str, Word] = {
    "crash-loop": Word("new pods exit again and again", pods={"behaviour": "crash-loop"}),
    "image-pull-error": Word("the image of new pods cannot be pulled", pods={"behaviour": "image-pull-error"}),
    "never-ready": Word("new pods run and never get ready", pods={"behaviour": "never-ready"}),
    "fails-later": Word(
        "new pods are no longer ready after so long",
        default="5s",
        pods={"behaviour": "fails-later", "fails-after": "{}"},
    ),
    "slow-start": Word("new pods get ready after so long", default="90s", pods={"ready-after": "{}"}),
    "job-fails": Word("new pods of Jobs end with an error", pods={"behaviour": "job-fails"}),
    "probe-fails": Word("HTTP probes are answered with an error"),
    "api-outage": Word("the API server answers nothing for so long, from the first write on", default="30s"),
    "push-refused": Word("the Git server refuses the revert commit"),
    "killed@record": Word("the daemon dies once it has recorded a step, and starts again"),
    "killed@intent": Word("the daemon dies once it has recorded what it is about to write"),
    "killed@apply": Word("the daemon dies once it has applied an object, and never hears the answer"),
    "killed@delete": Word("the daemon dies once it has deleted an object"),
    "killed@push": Word("the daemon dies once it has pushed the revert commit"),
}

BOUNDARIES: Mapping[str, tuple[str, str]] = {
    "killed@record": ("journal", "write"),
    "killed@intent": ("journal", "intend"),
    "killed@apply": ("cluster", "apply"),
    "killed@delete": ("cluster", "delete"),
    "killed@push": ("git", "push"),
}
"""Fault → port and method whose first call since the change came is the last one of its process."""


@dataclass(frozen=True, slots=True)
class Faults:
    """`pods`: what new pods get in addition to their annotations. `outage` is in seconds, 0: none."""

    pods: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    outage: float = 0.0

    @property
    def killed(self) -> tuple[str, ...]:
        """At which boundaries, each once."""
        return tuple(dict.fromkeys(text for text in self.given if text in BOUNDARIES))

    def has(self, name: str) -> bool:
        return any(text.partition("=")[0] == name for text in self.given)


def parse(given: Sequence[str]) -> Faults:
    """Raises `errors.InvalidInput` with everything that is wrong."""
    pods: dict[str, str] = {}
    wrong, outage = [], 0.0
    for text in given:
        name, said, value = text.partition("=")
        word = WORDS.get(name)
        if word is None:
            near = values.suggestion(name, WORDS)
            wrong.append(f"there is no fault {name}; {near or 'write one of: ' + ', '.join(WORDS)}")
            continue
        if said and not word.default:
            wrong.append(f"the fault {name} takes no value; write {name}")
        elif said and not _seconds(value):
            wrong.append(f"{value!r} is no duration; write {name}={word.default}")
        elif word.pods.keys() & pods.keys():
            wrong.append(f"{text}: pods can do one thing at a time; leave one of the two out")
        pods |= {annotation: its.replace("{}", value or word.default) for annotation, its in word.pods.items()}
        outage = _seconds(value or word.default) if name == "api-outage" else outage
    if wrong:
        raise errors.InvalidInput(tuple(wrong))
    return Faults(pods, tuple(given), outage)


def _seconds(text: str) -> float:
    """0 for what is no duration."""
    try:
        return values.seconds(text)
    except ValueError:
        return 0.0
