"""Who signed what is to be deployed (I5): git's own verification, with our list of signers and nobody's keyring.

Every commit that came since the last trusted one is looked at, those that a merge brought in as well: an unsigned
commit that somebody merges by `git pull` would else be covered by their signature (rows.toml GIT-15).
"""

import os
import pathlib
import re
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.git import answers, place, process, reading, signers

MOST = 500
"""New commits looked at in one check: each costs a process of ssh-keygen or gpg, some milliseconds."""
FIELDS = "%H%x1f%G?%x1f%GF%x1f%GK%x1f%an <%ae>%x1f%GG"
ROW_BYTES = 16_384
MISSING = re.compile(r"cannot run (ssh-keygen|gpg)|(ssh-keygen|gpg)[^\n]*: No such file")
REMEDY = "sign it again, or name a commit that was looked at as signatures.trustedCommit"


def check(git: process.Git, revision: str) -> None:
    """Return when every commit that `revision` brings is signed by somebody we trust. Raises `errors.Untrusted` with
    the first that is not, and what to do. Remembers the revision: the next check begins there."""
    policy = git.place.signatures
    if policy is None:
        return
    place.checked_revision(revision)
    remembered = _remembered(git.place)
    known = [base for base in (policy.trusted_commit, remembered) if base and reading.has(git, base)]
    if remembered and not known:
        raise errors.Untrusted(
            f"repository {git.place.name} does not hold {remembered[:12]} any more, the last commit that was trusted:"
            " its history was rewritten. Name a commit that was looked at as signatures.trustedCommit"
        )
    if revision in known:
        return
    complaints = [complaint for row in _rows(git, revision, known) if (complaint := _complaint(row, policy=policy))]
    if complaints:
        more = f"; {len(complaints) - 1} more like it" if len(complaints) > 1 else ""
        raise errors.Untrusted(
            f"repository {git.place.name}: {complaints[0]}{more}. Nothing of it is deployed: {REMEDY}"
        )
    _remember(git.place, revision)


def prove(git: process.Git) -> str:
    """Sign a commit that nothing refers to, and check it as those of other people: the signer's name. Terminal when our
    own revert commits would not be trusted."""
    policy = git.place.signatures
    if policy is None or policy.signing_key is None:
        raise errors.Terminal("no signingKeyFile is configured")
    tree = git.run("hash-object", "-t", "tree", "-w", "--stdin")
    name, mail = git.place.author
    who = {
        f"GIT_{role}_{what}": word
        for role in ("AUTHOR", "COMMITTER")
        for what, word in (("NAME", name), ("EMAIL", mail))
    }
    made = git.run("commit-tree", "-S", tree.out.decode().strip(), given=b"proof\n", variables=who, signatures=True)
    if not made.fine:
        raise errors.Terminal(
            f"nothing can be signed with {policy.signing_key}: {answers.quote(made.err, where=git.place)}"
        )
    (row,) = _rows(git, made.out.decode().strip(), [])
    if complaint := _complaint(row, policy=policy):
        raise errors.Terminal(f"what {policy.signing_key} signs would not be trusted here: {complaint}")
    return row.key


@dataclass(frozen=True, slots=True)
class Row:
    """What git says of one commit's signature: its letter (`git help log`, %G?), the key, the words of the verifier."""

    revision: str
    letter: str
    key: str
    author: str
    said: str


def _rows(git: process.Git, revision: str, known: list[str]) -> list[Row]:
    """Oldest first. Without a known commit the head alone is looked at: whatever was before, somebody chose to begin
    here."""
    arguments = ["log", "-z", f"--max-count={MOST + 1 if known else 1}", f"--format={FIELDS}", "--no-color"]
    arguments += ["--no-decorate", "--no-notes", "--no-mailmap", "--no-show-signature", "--no-patch"]
    ended = git.run(
        *arguments,
        "--end-of-options",
        revision,
        *(f"^{base}" for base in known),
        "--",
        most=(MOST + 1) * ROW_BYTES,
        signatures=True,
    )
    if missing := MISSING.search(ended.err):
        program = missing[1] or missing[2]
        package = "OpenSSH's client" if program == "ssh-keygen" else "GnuPG"
        raise errors.Terminal(f"signatures cannot be checked: {program} cannot be started; install {package}")
    if not ended.fine:
        raise answers.local_failure(ended, where=git.place, doing="checking signatures")
    rows = [row.split("\x1f", 5) for row in ended.out.decode("utf-8", "replace").split("\0") if row]
    if any(len(row) != 6 for row in rows):
        raise errors.Terminal(f"repository {git.place.name}: signatures cannot be checked: git's answer is cut")
    if len(rows) > MOST:
        raise errors.Untrusted(
            f"repository {git.place.name}: more than {MOST} commits came at once, too many to check: name one that was"
            " looked at as signatures.trustedCommit"
        )
    shown = [[place.CONTROL.sub(" ", field) for field in row] for row in rows]
    return [Row(row[0], row[1], row[2] or row[3], row[4], row[5]) for row in reversed(shown)]


def _complaint(row: Row, *, policy: signers.Policy) -> str:
    """Why the commit is not trusted, '' when it is. Only a good signature of a known key is: G of git's letters."""
    commit, key = f"commit {row.revision[:12]} by {row.author}", row.key or "a key"
    lists = " or ".join(str(path) for path in (policy.allowed_signers, policy.gpg_keyring) if path)
    match row.letter:
        case "G":
            return ""
        case "N":
            return f"{commit} is not signed"
        case "U" if "key has expired" in row.said:
            return f"{commit} was signed when {key} had expired: its valid-before in {policy.allowed_signers} was over"
        case "U" if "not yet valid" in row.said:
            return f"{commit} was signed before {key} was valid: see its valid-after in {policy.allowed_signers}"
        case "U" | "E":
            return f"{commit} is signed with {key}, which is not in {lists}"
        case "X":
            return f"{commit} has a signature of {key} that has expired"
        case "Y":
            return f"{commit} is signed with {key}, which has expired"
        case "R":
            return f"{commit} is signed with {key}, which was revoked"
        case "B" if policy.revoked_keys and "Could not verify" in row.said and "incorrect signature" not in row.said:
            return f"{commit} is signed with a key that {policy.revoked_keys} revokes"
        case "B":
            return f"{commit} has a bad signature: it was changed after it was signed"
    return f"{commit} cannot be checked ({row.letter}: {row.said[:200]})"


def _file(where: place.Place) -> pathlib.Path:
    """Beside the mirror, so that a damaged one that is set aside does not take it along."""
    return where.mirror.with_name(f"{where.mirror.name}.trusted")


def _remembered(where: place.Place) -> str:
    try:
        text = _file(where).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise errors.of_the_machine(f"{_file(where)}, the last trusted commit, cannot be read", error) from error
    return text if place.REVISION.fullmatch(text) else ""


def _remember(where: place.Place, revision: str) -> None:
    file = _file(where)
    try:
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text(f"{revision}\n", encoding="ascii")
        fresh.replace(file)
    except OSError as error:
        raise errors.of_the_machine(f"{file}, the last trusted commit, cannot be written", error) from error
