"""Exit codes: stable, since scripts and pipelines branch on them. docs/reference/exit-codes.md is made from here."""

OK = 0
FAILED = 1
DIFFERENT = 2
LATE = 3
USAGE = 64
"""`EX_USAGE` of sysexits.h. Not 2, which most tools use: a misspelt option must not look like "there are changes"."""
DIFFERING = 1
"""Of `diff` alone: as diff(1), `git diff --exit-code` and `kubectl diff` have it."""
NOT_COMPARED = 2
"""Of `diff` alone, likewise: trouble, whatever else is equal."""
INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""
TERMINATED = 143
"""128 + SIGTERM, likewise."""

EVERY = {
    OK: "It was done, or there was nothing to do.",
    FAILED: "It was refused or could not be done; the last line on standard error says why and what to do.",
    USAGE: "The command was called wrongly: unknown option, missing argument. Nothing was done.",
    INTERRUPTED: "Ctrl-C.",
    TERMINATED: "SIGTERM. `run` ends with 0 then, at a safe point.",
}
"""What holds for every command unless `MEANINGS` says otherwise."""

ASKED = {
    OK: "The leading daemon acted on the request (with `--no-wait`: the request is in the journal).",
    FAILED: "The request was refused: an unknown target, a revision or digest that fits nothing.",
    LATE: "The request is in the journal, and no daemon answered within `--timeout`. It is acted on when one leads.",
}

MEANINGS: dict[str, dict[int, str]] = {
    "plan": {
        OK: "No object would change.",
        FAILED: "At least one target is held, or could not be planned.",
        DIFFERENT: "At least one object would change, and nothing holds.",
    },
    "rehearse": {
        OK: "Every target would succeed, or nothing would change.",
        FAILED: "It cannot be told, and what it hangs on is said; or there is nothing that could be rehearsed.",
        DIFFERENT: "At least one target would fail (most are reverted then), or would be held.",
    },
    "diff": {
        OK: "Nothing differs, and everything was compared.",
        DIFFERING: "At least one field or object differs, and everything was compared.",
        NOT_COMPARED: "Something could not be compared: the last lines say what. As `kubectl diff`, and unlike `plan`.",
    },
    "status": {
        OK: "The table was shown, whatever it says.",
        FAILED: "The journal cannot be read; with `--exit-code` also: a target is held or failed.",
    },
    "tree": {
        OK: "The tree was shown, whatever it says.",
        FAILED: "The journal cannot be read; with `--exit-code` also: something is not well, or could not be read.",
    },
    "wait": {
        OK: "Every target is as wanted.",
        DIFFERENT: "The opposite happened: a target failed, was reverted, or is held until a person acts.",
        LATE: "The time is over, and neither has happened.",
    },
    "once": {FAILED: "A target is held, was reverted, or had not come to rest in time."},
    "audit verify": {FAILED: "The journal is not what was recorded, or does not fit what a cluster remembers of it."},
    "journal backup": {FAILED: "There is no backup: the file exists, cannot be written, or the journal is damaged."},
    "journal rebuild": {
        OK: "The journal says what the clusters and Git tell, or did so before.",
        FAILED: "Not done: a daemon leads, a cluster cannot be asked, or it is not said whose records they are.",
    },
    "journal verify": {FAILED: "The file is damaged, is no journal of this version, or is not what was recorded."},
    "doctor": {
        OK: "Nothing is wrong; what could not be found out is marked `?`.",
        FAILED: "At least one line is marked as failed.",
    },
    "export": {
        OK: "The objects were printed. What has no counterpart is listed, and changes no exit code.",
        FAILED: "Nothing was printed: a target is not there, is not present, or has an error in its files.",
    },
    "config check": {FAILED: "At least one settings file has an error."},
    **dict.fromkeys(
        ("sync", "revert", "release-quarantine", "accept-history", "confirm", "pause", "resume"),
        ASKED,
    ),
}
"""What a code means for one command, where that is more than `EVERY` says."""
