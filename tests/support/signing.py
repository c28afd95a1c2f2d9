"""People who sign their commits, with keys of ssh-keygen and gpg made for one test."""

import os
import pathlib
import subprocess
from dataclasses import dataclass, field

WHO = {
    "GIT_AUTHOR_NAME": "Dev",
    "GIT_AUTHOR_EMAIL": "dev@example.com",
    "GIT_COMMITTER_NAME": "Dev",
    "GIT_COMMITTER_EMAIL": "dev@example.com",
}


@dataclass
class Signers:
    """Keys below `folder`, by name. `allowed` and `revoked` are the files that a daemon is configured with."""

    folder: pathlib.Path
    fingerprints: dict[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> pathlib.Path:
        return self.folder / "allowed-signers"

    @property
    def revoked(self) -> pathlib.Path:
        return self.folder / "revoked-keys"

    def key(self, name: str) -> pathlib.Path:
        """An SSH private key, made at its first use."""
        path = self.folder / name
        if not path.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
            self.fingerprints[name] = run("ssh-keygen", "-l", "-f", str(path)).split()[1]
        return path

    def public(self, name: str) -> str:
        self.key(name)
        return " ".join((self.folder / f"{name}.pub").read_text().split()[:2])

    def allow(self, name: str, *, options: str = "") -> None:
        with self.allowed.open("a") as file:
            file.write(f'{name}@example.com namespaces="git"{options} {self.public(name)}\n')

    def revoke(self, name: str) -> None:
        with self.revoked.open("a") as file:
            file.write(f"{self.public(name)}\n")

    def options(self, name: str) -> tuple[str, ...]:
        """For `git commit -S`, '' signs nothing."""
        return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.key(name)}") if name else ()


def commit(
    work: pathlib.Path, message: str, *, options: tuple[str, ...], environment: dict[str, str] | None = None
) -> str:
    """An empty commit in a work tree, signed where `options` say with what."""
    signed = ("-S",) if options else ()
    git(work, *options, "commit", "--quiet", "--allow-empty", *signed, "-m", message, environment=environment)
    return git(work, "rev-parse", "HEAD")


def git(at: pathlib.Path, *arguments: str, given: str = "", environment: dict[str, str] | None = None) -> str:
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return run("git", "-C", str(at), *arguments, given=given, environment=WHO | nobody | (environment or {}))


def run(*command: str, given: str = "", environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=os.environ | (environment or {})
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
