"""Errors, named for what happens next.

A third-party exception is translated once, in its edge, with ``raise … from``. A refusal by a gate is a verdict and
a refusal by the API server is a value (`ports.Refused`): neither is an error.
"""

import errno

SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT})
"""Of an OSError: the machine has none left just now. It passes by itself, or with the process that takes too much."""


class ReconcilerError(Exception):
    """Base of everything this project raises on purpose; its text is a sentence for a person."""


class Transient(ReconcilerError):  # noqa: N818 - named for what happens next: try again
    """Trying again later may succeed: an outage, an overload, a lost race.

    `retry_after` is the least wait in seconds the other side asked for; None leaves it to the caller's back-off.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Forbidden(Transient):
    """The API server does not let us, or whoever we act as. Somebody may grant the right at any time."""


class ChartUnavailable(Transient):
    """A chart cannot be had from its repository now; a chart that is not there yet may be published later."""


class Terminal(ReconcilerError):  # noqa: N818 - named for what happens next: a person or a new commit must act
    """Trying again cannot succeed until somebody changes something; the text says what and where."""


class InvalidInput(Terminal):
    """Input from outside was refused. The text names file, line, field and remedy as far as they are known.

    `problems` holds every complaint found, one sentence each, so that a person fixes all of them at once.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Sealed(InvalidInput):
    """An encrypted file cannot be opened here. A commit, or the daemon's own disk, must change: it is tried again."""


class LeadershipLost(Terminal):
    """Another daemon holds a newer epoch: nothing more may be intended by this one (I2)."""


class JournalUnusable(Terminal):
    """The journal cannot be written, is of another version, or is older than the cluster says: nothing may be done."""


class RefMissing(Terminal):
    """The configured ref is not in the repository. Never read as "nothing is wanted" (I6)."""


class Untrusted(Terminal):
    """A commit does not meet the repository's signature policy (I5): nothing of it is deployed."""


class PathMissing(Terminal):
    """A path that a target reads is not in the revision. Never read as "nothing is wanted" (I6)."""


def of_the_machine(sentence: str, error: OSError) -> Transient | Terminal:
    """What to raise for an OSError that `sentence` explains: what is only scarce now is for later, and nothing to
    install or to configure."""
    if error.errno in SCARCE:
        return Transient(f"{sentence}: {error.strerror} on this machine just now")
    return Terminal(f"{sentence}: {error.strerror or error}")
