"""Whose signatures count: files of this machine, as git, ssh-keygen and gpg want to have them."""

import base64
import binascii
import hashlib
import os
import pathlib
import re
from dataclasses import dataclass

from reconciler import errors

FILE_BYTES = 8 << 20
ARMOUR = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
GPG_SETTINGS = """no-default-keyring
keyring keys.gpg
trust-model always
no-auto-key-retrieve
no-auto-check-trustdb
no-autostart
batch
"""
"""The keys that are in the file are the trusted ones; nothing is fetched, no agent is started."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`signing_key` signs our own commits, `trusted_commit` ends what is looked at ('' : nothing is exempt)."""

    allowed_signers: pathlib.Path | None
    revoked_keys: pathlib.Path | None
    gpg_keyring: pathlib.Path | None
    signing_key: pathlib.Path | None
    trusted_commit: str = ""

    def settings(self) -> dict[str, str]:
        """For git's configuration. A file that cannot be read is Terminal: git would only call all signers unknown."""
        found = {"gpg.format": "ssh", "gpg.minTrustLevel": "fully"}
        for key, path in (
            ("gpg.ssh.allowedSignersFile", self.allowed_signers),
            ("gpg.ssh.revocationFile", self.revoked_keys),
            ("user.signingKey", self.signing_key),
        ):
            if path:
                _read(path)
                found[key] = str(path)
        return found

    def variables(self, home: pathlib.Path) -> dict[str, str]:
        """For gpg: a home of ours that holds the keys of the file and nothing else. Written when they change."""
        keys = _binary(_read(self.gpg_keyring)) if self.gpg_keyring else b""
        mark = hashlib.sha256(GPG_SETTINGS.encode() + keys).hexdigest()
        seal = home / "sealed"
        try:
            if not seal.is_file() or seal.read_text() != mark:
                home.mkdir(mode=0o700, exist_ok=True)
                for name, content in (
                    ("keys.gpg", keys),
                    ("gpg.conf", GPG_SETTINGS.encode()),
                    ("sealed", mark.encode()),
                ):
                    fresh = home / f"{name}.{os.getpid()}"
                    fresh.write_bytes(content)
                    fresh.replace(home / name)
        except OSError as error:
            raise errors.of_the_machine(f"{home}, the home of gpg, cannot be written", error) from error
        return {"GNUPGHOME": str(home)}


def _read(path: pathlib.Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(FILE_BYTES)
    except OSError as error:
        raise errors.of_the_machine(f"signatures cannot be checked: {path} cannot be read", error) from error


def _binary(text: bytes) -> bytes:
    """Armoured keys as gpg's keyring wants them; what is binary already stays."""
    blocks = ARMOUR.findall(text)
    found = bytearray()
    for block in blocks:
        lines = block.replace(b"\r", b"").split(b"\n\n", 1)[-1].split(b"\n")
        try:
            found += base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")))
        except binascii.Error as error:
            raise errors.Terminal("signatures cannot be checked: gpgKeyringFile is damaged: export it again") from error
    return bytes(found) if blocks else text
