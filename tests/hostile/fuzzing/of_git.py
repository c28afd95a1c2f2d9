"""What git, ssh and gpg print: their words hold names and messages of other people's making."""

import contextlib
import functools
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any, cast

from hypothesis import strategies as st

from reconciler import errors, ports
from reconciler.edges import git
from reconciler.edges.git import answers, links, objects, process, reading, remote, signatures, signers, ssh, trees
from tests.hostile.fuzzing import inputs
from tests.hostile.fuzzing.target import Target

REVISION, OTHER = "a" * 40, "b" * 40
PLACE = git.Place.checked(
    "deploy",
    url="https://git.example.test/deploy.git",
    ref="refs/heads/main",
    mirror=pathlib.Path("/nonexistent/mirror"),
)
LS_REMOTE = f"{REVISION}\trefs/heads/main\n{OTHER}\trefs/heads/foo/refs/heads/main\n"
SYMREF = f"ref: refs/heads/main\tHEAD\n{REVISION}\tHEAD\n"
CHECKED = f"{REVISION} commit 200\n{OTHER} tree 67\n{REVISION}:b missing\n"
LISTED = f"100644 blob {REVISION}     5\ta.yaml\x00120000 blob {OTHER}   3\tb\xff\x00160000 commit {OTHER}   -\tc\x00"
BLOBS = f"{REVISION} blob 5\nhello\n{OTHER} blob 0\n\n"
FOLDER = f"40000 web\x00{'c' * 20}100644 \xff\x00{'d' * 20}"
TREE = f"{OTHER} tree {len(FOLDER)}\n{FOLDER}\n"
HISTORY = f"tree {OTHER}\nparent {OTHER}\nauthor Dev <d@x> 1 +0000\n\na subject"
COMMIT = f"{REVISION} commit {len(HISTORY)}\n{HISTORY}\n"
LOG = f"{REVISION}\x1f2026-01-01T00:00:00+00:00\x1f{OTHER} {REVISION}\x1fDev\x1fd@x\x1fa subject\x00"
SIGNED = (
    f'{REVISION}\x1fG\x1fSHA256:x\x1f\x1fDev <d@x>\x1fGood "git" signature\x00'
    f"{OTHER}\x1fU\x1f\x1fk\x1fDev\x1fkey has expired\x00"
)
PUSHED = f"To https://h/x\n!\t{REVISION}:refs/heads/main\t[rejected] (fetch first)\nDone\n"
SAID = (
    "fatal: Authentication failed for 'https://user:secret@h/x'\n",
    "error: 503\nfatal: unable to access 'https://h/x': The requested URL returned error: 503\n",
    "error: object " + REVISION + ": gitmodulesUrl: disallowed submodule url: x\nfatal: fsck error in packed object\n",
    "remote: main is protected\n ! [remote rejected] main -> main (pre-receive hook declined)\n",
    "fatal: pack has bad object at offset 12: inflate returned -3\n",
    "@@@@\nWARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\nThe fingerprint for the ED25519 key sent by the remote"
    " host is\nSHA256:x.\nOffending ED25519 key in /h/known_hosts:12\nHost key verification failed.\n",
    "No ED25519 host key is known for h and you have requested strict checking.\n"
    "git@h: Permission denied (publickey).\n",
)
KNOWN_HOSTS = "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n@cert-authority * ssh-rsa AAAA\n|1|x|y ssh-rsa AAAAB3Nz\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n"
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF==\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"

Printed = tuple[bytes, str, int, process.Stop]
"""Standard output, standard error, exit code, and why it ended."""


def printed(out: str) -> st.SearchStrategy[Printed]:
    """What a git that should have printed `out` may have printed; mostly it says that all went well."""
    ends = st.sampled_from([0, 0, 0, 0, 1, 2, 128])
    stops = st.sampled_from([process.Stop.EXITED] * 4 + [process.Stop.LATE, process.Stop.FLOODED])
    said = st.just("") | inputs.text(SAID, most=1)
    return st.tuples(inputs.raw([out.encode("latin-1")]), said, ends, stops)


class Answering:
    """Stands for `process.Git`: the revision that is looked for first is there, the rest gets the answer."""

    def __init__(self, given: Printed, *, where: git.Place = PLACE) -> None:
        self.place = where
        self._given = given

    def run(self, *_: str, **__: object) -> process.Ended:
        out, err, status, stop = self._given
        return process.Ended(stop, status, out, err)

    def ask(self, *questions: str, **_: object) -> process.Ended:
        return _found(*questions) if len(questions) == 1 and questions[0].startswith("info ") else self.run()

    def together(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Reading(Answering):
    """Each name is a folder that is there; what is in it is the answer."""

    def ask(self, *questions: str, **_: object) -> process.Ended:
        return _found(*questions) if _looks(*questions) else self.run()


class Walking(Reading):
    """Folders are there, and cannot be read one by one: git lists them, with the answer."""

    def ask(self, *questions: str, **_: object) -> process.Ended:
        return super().ask(*questions) if _looks(*questions) else _ended("")


def _looks(*questions: str) -> bool:
    return all(question.startswith("info ") for question in questions)


def _found(*questions: str) -> process.Ended:
    kinds = (f"{REVISION} commit 200" if name.endswith("^{commit}") else f"{OTHER} tree 67" for name in questions)
    return _ended("".join(f"{kind}\n" for kind in kinds))


def _ended(out: str) -> process.Ended:
    return process.Ended(process.Stop.EXITED, 0, out.encode(), "")


def asks(
    question: Callable[..., object], *arguments: Any, who: type[Answering] = Answering, **named: Any
) -> Callable[[Printed], None]:
    def eat(given: Printed) -> None:
        question(cast(process.Git, who(given)), *arguments, **named)

    return eat


def _links(given: Printed, *, who: type[Answering] = Answering) -> None:
    links.reached(cast(process.Git, who(given)), REVISION, ["a", "b/c"], known=trees.Known())


def _signatures(given: Printed) -> None:
    policy = signers.Policy(allowed_signers=pathlib.Path("/s"), gpg_keyring=None, revoked_keys=None, signing_key=None)
    rows = signatures._rows(cast(process.Git, Answering(given)), REVISION, [OTHER])
    for row in rows:
        signatures._complaint(row, policy=policy)


def _words(said: str) -> None:
    for stop in process.Stop:
        ended = process.Ended(stop, 128, PUSHED.encode(), said)
        for error in (answers.remote_failure(ended, where=PLACE), answers.local_failure(ended, where=PLACE, doing="x")):
            assert isinstance(error, errors.ReconcilerError)
            assert "://user:secret@" not in str(error)
        with contextlib.suppress(errors.Transient):
            assert isinstance(answers.pushed(ended, where=PLACE), ports.Pushed)


@functools.cache
def _scratch() -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(prefix="fuzzing-"))


def _ssh(given: tuple[str, str]) -> None:
    hosts = _scratch() / "known_hosts"
    hosts.write_bytes(given[1].encode("utf-8", "surrogatepass"))
    ssh.failure(given[0], label="repository", keys=ssh.Keys(pathlib.Path("/k"), hosts))


def _pushed(given: Printed) -> None:
    out, err, status, stop = given
    answers.pushed(process.Ended(stop, status, out, err), where=PLACE)


def _key(raw: bytes) -> None:
    ssh.encrypted(raw)


TARGETS = (
    Target("git-ls-remote", printed(LS_REMOTE), asks(remote.head)),
    Target("git-default-branch", printed(SYMREF), asks(remote.default_ref)),
    Target("git-paths", printed(CHECKED), _links),
    Target("git-links", printed(TREE), functools.partial(_links, who=Reading)),
    Target("git-folders", printed(TREE), asks(reading.folders, REVISION, "a", who=Reading)),
    Target("git-trees", printed(TREE), asks(reading.listing, REVISION, ["a"], who=Reading)),
    Target("git-listing", printed(LISTED), asks(reading.listing, REVISION, ["a"], who=Walking)),
    Target("git-blobs", printed(BLOBS), asks(objects.contents, [REVISION, OTHER], kind="blob", most=1 << 20)),
    Target("git-log", printed(LOG), asks(reading.log, REVISION, older=OTHER, limit=3)),
    Target("git-descends", printed(COMMIT), asks(reading.descends, REVISION, ancestor=OTHER)),
    Target("git-signatures", printed(SIGNED), _signatures),
    Target("git-push", printed(PUSHED), _pushed),
    Target("git-words", inputs.text(SAID), _words),
    Target("ssh-known-hosts", st.tuples(inputs.text(SAID), inputs.text([KNOWN_HOSTS])), _ssh),
    Target("ssh-private-key", inputs.raw([KEY.encode()]), _key),
    Target("gpg-keyring", inputs.raw([ARMOURED.encode()]), signers._binary),
)
