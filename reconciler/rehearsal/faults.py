"""What a rehearsal may let go wrong, in the words of `--fault`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.settings import values


@dataclass(frozen=True, slots=True)
class Word:
    """One line of the table. `annotation` and `value`: what its pods get; `value` '' stands for the given one."""

    meaning: str
    annotation: str = ""
    value: str = ""
    default: str = ""
    """Of what may follow after `=`; '' where nothing may."""


WORDS: dict[str, Word] = {
    "crash-loop": Word("new pods exit again and again", "behaviour", "crash-loop"),
    "image-pull-error": Word("the image of new pods cannot be pulled", "behaviour", "image-pull-error"),
    "never-ready": Word("new pods run and never get ready", "behaviour", "never-ready"),
    "slow-start": Word("new pods get ready after so long", "ready-after", default="90s"),
}


@dataclass(frozen=True, slots=True)
class Faults:
    """`pods`: what new pods get in addition to their annotations."""

    pods: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()


def parse(given: Sequence[str]) -> Faults:
    """Raises `errors.InvalidInput` with everything that is wrong."""
    pods: dict[str, str] = {}
    wrong = []
    for text in given:
        name, said, value = text.partition("=")
        word = WORDS.get(name)
        if word is None:
            near = values.suggestion(name, WORDS)
            wrong.append(f"there is no fault {name}; {near or 'write one of: ' + ', '.join(WORDS)}")
        elif said and not word.default:
            wrong.append(f"the fault {name} takes no value; write {name}")
        elif word.default and said and not _is_duration(value):
            wrong.append(f"{value!r} is no duration; write {name}={word.default}")
        elif word.annotation in pods:
            wrong.append(f"{text}: pods can do one thing at a time; leave one of the two out")
        else:
            pods[word.annotation] = word.value or value or word.default
    if wrong:
        raise errors.InvalidInput(tuple(wrong))
    return Faults(pods, tuple(given))


def _is_duration(text: str) -> bool:
    try:
        return values.seconds(text) > 0
    except ValueError:
        return False
