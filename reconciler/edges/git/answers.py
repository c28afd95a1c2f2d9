"""What git said, translated once: an error named for what happens next, with every secret masked (I13)."""

import pathlib
import re

from reconciler import errors, ports
from reconciler.edges.git import place, process, ssh

SHOWN = 400
"""Characters of git's own words that an error quotes."""


class Absent(errors.Transient):
    """A revision that is asked for is not in the mirror."""


class Damaged(errors.Transient):
    """The mirror cannot be read although it should hold what is asked for."""


UNAUTHORIZED = re.compile(r"Authentication failed|could not read (Username|Password)|error: 401|Access denied")
FORBIDDEN = re.compile(r"error: 403")
NOT_FOUND = re.compile(
    r"repository '.*' not found|error: 404|does not appear to be a git repository|does not exist|epository not found"
)
REDIRECTED = re.compile(r"error: 30[12378]|redirect")
UNTRUSTED = re.compile(r"certificate")
FOREIGN = re.compile(r"dubious ownership")
REFUSED_CONTENT = re.compile(r"fsck error|fsck_|invalid format|malformed")
FSCK = re.compile(r"object (?P<oid>[0-9a-f]{40}): (?P<fault>\w+): (?P<meaning>[^;\n]*)")
"""A line of git's check of what arrives: the object, and which of the faults of git-fsck(1) it has."""
REF_MISSING = re.compile(r"couldn't find remote ref")
OTHER_FORMAT = re.compile(r"mismatched algorithms|object format|unknown capability 'object-format")

LOST_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to lock|incorrect old value|failed to update ref"
    r"|reference already exists|remote ref updated"
)
SERVER_TROUBLE = re.compile(r"unpack|index-pack|internal|remote failure|failed to report")
DAMAGE = re.compile(
    r"corrupt|inflate|unable to read|bad object|cannot be accessed|missing (blob|tree|object)"
    r"|failed to (read|unpack|load)|not a git repository|packfile|loose object|object file|unknown object type"
    r"|bad tree|mismatch|garbage|too-short|not a tree|bad (offset|pack|ref)|could not (open|read|get)|delta"
    r"|did not send all|invalid (sha1|object)",
    re.IGNORECASE,
)

NO_DAMAGE = re.compile(
    r"^remote:|\.lock|No space|quota|Permission denied|Read-only|Too many open|Cannot allocate|from remote repository"
)
"""Lines that prove nothing about the mirror: the server's words, locks, and a disk that is full or closed to us."""

IN_TRANSIT = re.compile(
    r"early EOF|still expected|hung up|disconnect|RPC failed|index-pack output|bad pack header|pack signature"
    r"|pack has (bad object|junk)|pack is corrupted|^error: inflate"
)
"""Lines about a pack on its way here. A connection that cuts or spoils it must not cost a sound mirror, from which last
good is still read; what is wrong with the mirror itself is told with the name of its file."""


def damaged(said: str, *, where: place.Place, fetching: bool = False) -> bool:
    """Whether git complained about the content of the mirror: in known words, or by naming one of its files."""
    lines = [line for line in said.splitlines() if not NO_DAMAGE.search(line) and not ssh.TALK.search(line)]
    telling = [line for line in lines if not (fetching and IN_TRANSIT.search(line))]
    return any(DAMAGE.search(line) or str(where.mirror) in line for line in telling)


def remote_failure(ended: process.Ended, *, where: place.Place) -> errors.ReconcilerError:
    """The error for a question to the server that git did not answer."""
    label = f"repository {where.name} ({where.url})"
    if ended.stop is process.Stop.LATE:
        return errors.Transient(f"{label} did not answer in time: git was stopped")
    if ended.stop is process.Stop.FLOODED:
        return errors.Terminal(f"{label} answered with more than the limit allows")
    said, quoted = ended.err, quote(ended.err, where=where)
    if where.keys and (failure := ssh.failure(said, label=label, keys=where.keys)):
        return failure
    file = where.credentials.secret_file if where.credentials else None
    if UNAUTHORIZED.search(said):
        remedy = f"write valid ones into {file}" if file else "name some in config/deployment-config.yaml"
        verb = "refuses the credentials" if file else "asks for credentials, and none are configured"
        return errors.Terminal(f"{label} {verb}: {remedy}")
    if FORBIDDEN.search(said):
        return errors.Terminal(
            f"{label} forbids the access (403): give the credentials{f' in {file}' if file else ''} the right"
        )
    if NOT_FOUND.search(said):
        return errors.Terminal(f"{label} was not found, or the credentials may not see it: {quoted}")
    if REDIRECTED.search(said):
        return errors.Terminal(f"{label} redirects elsewhere, which is not followed: configure the final URL")
    if UNTRUSTED.search(said):
        return errors.Terminal(f"{label} is not trusted: {quoted}; name its certificate authority as ca_file")
    if FOREIGN.search(said):
        return errors.Terminal(f"{label} belongs to another user of this machine: run the daemon as its owner")
    if REF_MISSING.search(said):
        return errors.RefMissing(missing_ref(where))
    if OTHER_FORMAT.search(said):
        return errors.Terminal(f"{label} uses SHA-256 object names, which are not supported")
    if REFUSED_CONTENT.search(said):
        return _refused_content(said, quoted, label=label, where=where)
    return errors.Transient(f"{label} cannot be read: {quoted}")


def _refused_content(said: str, quoted: str, *, label: str, where: place.Place) -> errors.Terminal:
    """git knows no path: objects are checked as they arrive, before any tree is read that could name them."""
    found = FSCK.search(said)
    if found is None:
        return errors.Terminal(f"{label} sent content that git considers malformed or hostile: {quoted}")
    oid, meaning = found["oid"], masked(found["meaning"].strip(), where=where)[:SHOWN]
    return errors.Terminal(
        f"{label} sent object {oid}, which git considers malformed or hostile: {found['fault']}"
        f" ({meaning}), see git-fsck(1). In a clone made elsewhere, `git log --all --find-object={oid}`"
        f" finds the commits that brought it and `git ls-tree -rt <commit>` its path; a commit that takes it out is not"
        " enough, since it stays in the history: rewrite it, then `reconciler accept-history`"
    )


def missing_ref(where: place.Place) -> str:
    return f"repository {where.name} ({where.url}) has no {where.ref}: push it again, or configure the ref to follow"


def local_failure(ended: process.Ended, *, where: place.Place, doing: str) -> errors.ReconcilerError:
    """The error for a question to the mirror that git did not answer."""
    label = f"mirror of repository {where.name}"
    if ended.stop is process.Stop.LATE:
        return errors.Transient(f"{label}: {doing} took more than {where.timeouts.local:g} s: git was stopped")
    if ended.stop is process.Stop.FLOODED:
        return errors.InvalidInput((f"{label}: {doing} gave more than the limit allows",))
    quoted = quote(ended.err, where=where)
    if damaged(ended.err, where=where):
        return Damaged(f"{label} is damaged ({doing}): {quoted}")
    return errors.Transient(f"{label}: {doing} failed: {quoted}")


def quote(said: str, *, where: place.Place) -> str:
    """Git's words on one line: `fatal:` and what the server said first, secrets masked, printable."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.match(r"fatal:|error:|ERROR:|remote:|! ", line) or ssh.TALK.search(line)
    ] or lines
    return masked("; ".join(telling), where=where)[:SHOWN] or "git gave no reason"


def masked(text: str, *, where: place.Place) -> str:
    """`text` without the secret in any form it is sent in, without user information in URLs and control characters."""
    if where.credentials:
        try:
            secret = where.credentials.secret()
        except errors.ReconcilerError:
            secret = ""  # the file has gone since: nothing to compare with, the patterns below still apply
        if secret:
            for form in (place.encoded(where.credentials.username, secret), secret):
                text = text.replace(form, "***")
    text = re.sub(r"(?i)(authorization:?\s*\w*\s*)\S+", r"\1***", text)
    return place.CONTROL.sub(" ", re.sub(r"://[^/@\s]+@", "://***@", text))


def pushed(ended: process.Ended, *, where: place.Place) -> ports.Pushed:
    """The server's answer to a push. Raises Transient when there is none: the outcome is unknown."""
    rows = [row.split("\t") for row in ended.out.decode("utf-8", "backslashreplace").splitlines() if "\t" in row]
    flag, summary = next(((row[0], row[2]) for row in rows if len(row) >= 3), ("", ""))
    told = [line for line in ended.err.splitlines() if line.startswith("remote:")]
    because = quote("\n".join([f"! {summary}", *told]), where=where).removeprefix("! ")
    if ended.fine and flag in (" ", "*", "="):
        return ports.Pushed(ports.PushResult.DONE, "pushed")
    if flag == "!" and LOST_RACE.search(summary):
        return ports.Pushed(ports.PushResult.RACED, because)
    if flag == "!" and not SERVER_TROUBLE.search(summary):
        return ports.Pushed(ports.PushResult.REFUSED, because)
    if ended.stop is process.Stop.EXITED and (UNAUTHORIZED.search(ended.err) or FORBIDDEN.search(ended.err)):
        file = f" in {where.credentials.secret_file}" if where.credentials else ""
        return ports.Pushed(
            ports.PushResult.REFUSED, f"the credentials{file} may read, but not push: {quote(ended.err, where=where)}"
        )
    if where.keys and ended.stop is process.Stop.EXITED and ssh.READ_ONLY.search(ended.err):
        return ports.Pushed(
            ports.PushResult.REFUSED,
            f"the key {where.keys.private_key} may read, but not push: {quote(ended.err, where=where)}",
        )
    said = quote(ended.err, where=where) if ended.stop is process.Stop.EXITED else "no answer in time"
    raise errors.Transient(f"repository {where.name}: whether the push arrived is not known: {because or said}")


def aside(path: pathlib.Path) -> pathlib.Path:
    """Where a damaged mirror is kept for a person to look at: only the newest."""
    return path.with_name(f"{path.name}.damaged")
