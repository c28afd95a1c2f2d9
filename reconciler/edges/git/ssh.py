"""Git over ssh: OpenSSH's client with our options alone, and no shell on this machine (rows.toml GIT-04).

`GIT_SSH_COMMAND` and `core.sshCommand` are handed to a shell; `GIT_SSH` names a program and can carry no options. So a
small program of ours stands between: it takes the options from its environment, one a line, and becomes ssh.
"""

import base64
import binascii
import hashlib
import os
import pathlib
import re
import stat
import sys
from dataclasses import dataclass

from reconciler import errors

FILE_BYTES = 1 << 20
UNUSABLE = re.compile(r'["\\\x00-\x1f\x7f]|\$\{')
"""Characters that mean something to ssh inside a quoted path."""

MAGIC = b"openssh-key-v1\0"
"""Begins OpenSSH's form of a private key; the name of its cipher follows."""

PROGRAM = f"""#!{sys.executable} -IS
import os
import sys

options = os.environ.pop("RECONCILER_SSH", "")
if options:
    try:
        os.execvp("ssh", ["ssh", *options.split("\\n"), *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"no ssh client: {{error.strerror}}")
with open(os.environ["RECONCILER_PASSPHRASE"], encoding="utf-8") as file:  # ssh asks for it: SSH_ASKPASS
    print(file.readline().rstrip("\\r\\n"))
"""

FIXED = (
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "AddKeysToAgent=no",
    "PreferredAuthentications=publickey",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "NumberOfPasswordPrompts=1",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ProxyCommand=none",
    "ControlMaster=no",
    "ControlPath=none",
    "CanonicalizeHostname=no",
    "EscapeChar=none",
    "RequestTTY=no",
    "Tunnel=no",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=2",
    "LogLevel=ERROR",
)

CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY DETECTED")
SENT = re.compile(r"key sent by the remote host is\s+(SHA256:[A-Za-z0-9+/]+)")
OFFENDING = re.compile(r"Offending (?:\S+ )?key in .*:(\d+)")
UNKNOWN = re.compile(r"No (\S+) host key is known for (\S+) and")
DENIED = re.compile(r"Permission denied \(")
NO_CLIENT = re.compile(r"no ssh client|cannot run \S+\.ssh|No user exists for uid")
BAD_KEY = re.compile(r"Load key .*?: (.+)")
READ_ONLY = re.compile(r"marked as read.only|(deploy )?key .*read.only|not allowed to push|denied for writing", re.I)
TALK = re.compile(r"^(ssh:|kex_exchange|Connection |client_loop|Timeout,|Load key|@|Host key|.*Permission denied)")
"""Lines of ssh's own, which say nothing about the mirror."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Files of this machine: who we are, and which host keys are the right ones. Read at each use: keys rotate."""

    private_key: pathlib.Path
    known_hosts: pathlib.Path
    passphrase: pathlib.Path | None = None

    def complaints(self) -> tuple[str, ...]:
        """What ssh's options cannot express, before any file is looked at."""
        named = (("private key", self.private_key), ("known hosts", self.known_hosts))
        found = [
            f'the path of the {what} holds ", \\, ${{ or a control character' for what, path in named if _bad(path)
        ]
        return tuple(found)

    def check(self) -> None:
        """Terminal, naming the file and what to do with it, when ssh could not use one of them: ssh itself would pass
        over the key silently, and the server's refusal would be all that is said."""
        text = _read(self.private_key, what="private key")
        about = self.private_key.stat()
        if about.st_uid == os.getuid() and about.st_mode & 0o077:
            mode = stat.S_IMODE(about.st_mode)
            raise errors.Terminal(
                f"the private key {self.private_key} is open to others (mode {mode:o}), and ssh refuses it:"
                f" chmod 600 {self.private_key}"
            )
        if b"PRIVATE KEY-----" not in text:
            raise errors.Terminal(f"{self.private_key} holds no private key: name the file that ssh-keygen wrote")
        if self.passphrase:
            _read(self.passphrase, what="passphrase")
        elif encrypted(text):
            raise errors.Terminal(
                f"the private key {self.private_key} asks for a passphrase: name the file with it in passphraseFile"
            )
        if not _read(self.known_hosts, what="known hosts").strip():
            raise errors.Terminal(
                f"{self.known_hosts} is empty: write the host's key into it, as its operator publishes it"
            )

    def variables(self, program: pathlib.Path) -> dict[str, str]:
        """For the environment of git. `program` is where `installed` has put ours."""
        options = [*FIXED, f'IdentityFile="{_quoted(self.private_key)}"']
        options.append(f'UserKnownHostsFile="{_quoted(self.known_hosts)}"')
        options.append(f"BatchMode={'no' if self.passphrase else 'yes'}")
        words = ["-F", "none", *(word for option in options for word in ("-o", option))]
        found = {"GIT_SSH": str(program), "GIT_SSH_VARIANT": "ssh", "RECONCILER_SSH": "\n".join(words)}
        if self.passphrase:
            asking = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
            found |= asking | {"RECONCILER_PASSPHRASE": str(self.passphrase)}
        return found


def installed(program: pathlib.Path) -> None:
    """Write the program unless it is there as it should be. Terminal when it cannot be."""
    try:
        if program.is_file() and program.read_text(encoding="utf-8") == PROGRAM:
            return
        fresh = program.with_name(f"{program.name}.{os.getpid()}")
        fresh.write_text(PROGRAM, encoding="utf-8")
        fresh.chmod(0o700)
        fresh.replace(program)
    except OSError as error:
        raise errors.of_the_machine(f"{program}, which starts ssh, cannot be written", error) from error


def encrypted(text: bytes) -> bool:
    """Whether a private key asks for a passphrase: OpenSSH's own form names its cipher, PEM says so in words."""
    if b"BEGIN OPENSSH PRIVATE KEY" not in text:
        return b"ENCRYPTED" in text
    try:
        body = base64.b64decode(b"".join(line for line in text.splitlines() if not line.startswith(b"-----")))
    except binascii.Error:
        return False  # ssh will say what it thinks of it
    return body.startswith(MAGIC) and not body.startswith(MAGIC + b"\0\0\0\4none")


def failure(said: str, *, label: str, keys: Keys) -> errors.Terminal | None:
    """The error for what ssh said on its standard error; None when a person need not act for it."""
    if CHANGED.search(said):
        sent, line = SENT.search(said), OFFENDING.search(said)
        new = f"the host key {sent[1]}" if sent else "another host key"
        known = _fingerprint(keys.known_hosts, int(line[1])) if line else "the one that is known"
        return errors.Terminal(
            f"{label} shows {new}, not {known} of {keys.known_hosts}{f' line {line[1]}' if line else ''}: somebody may"
            " be in between, and nothing was sent. When its operator has announced the change, compare the fingerprint"
            " with what they publish, and replace the line"
        )
    if unknown := UNKNOWN.search(said):
        return errors.Terminal(
            f"{label} shows a host key ({unknown[1]}), and {keys.known_hosts} holds none of that kind for {unknown[2]}:"
            " add the line that its operator publishes"
        )
    if NO_CLIENT.search(said):
        return errors.Terminal(f"{label} needs ssh, which cannot be started: install OpenSSH's client ({_first(said)})")
    if bad := BAD_KEY.search(said):
        return errors.Terminal(f"the private key {keys.private_key} cannot be used: {bad[1].strip()}")
    if DENIED.search(said):
        opened = f" (or the passphrase in {keys.passphrase} does not open it)" if keys.passphrase else ""
        return errors.Terminal(
            f"{label} refuses the key {keys.private_key}{opened}: register its public half with the host, with the"
            " right to write where reverts are to be pushed"
        )
    if "Host key verification failed" in said:
        return errors.Terminal(f"{label}: its host key could not be verified against {keys.known_hosts}")
    return None


def _first(said: str) -> str:
    return next((line.strip() for line in said.splitlines() if NO_CLIENT.search(line)), "")


def _fingerprint(known_hosts: pathlib.Path, line: int) -> str:
    """Of the key in that line, counted from 1, as ssh writes it."""
    try:
        words = known_hosts.read_text(encoding="utf-8", errors="replace").splitlines()[line - 1].split()
        key = next(base64.b64decode(word, validate=True) for word in words if word.startswith("AAAA"))
    except (OSError, IndexError, StopIteration, binascii.Error):
        return "the one that is known"
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"


def _read(path: pathlib.Path, *, what: str) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(FILE_BYTES)
    except OSError as error:
        raise errors.of_the_machine(f"the {what} file {path} cannot be read", error) from error


def _bad(path: pathlib.Path) -> bool:
    return bool(UNUSABLE.search(str(path)))


def _quoted(path: pathlib.Path) -> str:
    """`%` begins a token for ssh."""
    return str(path).replace("%", "%%")
