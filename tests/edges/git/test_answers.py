"""What git says, as errors that name what to do."""

import pathlib

import pytest

from reconciler import errors
from reconciler.edges.git import answers, place, process

OID = "0123456789abcdef0123456789abcdef01234567"
WHERE = place.Place.checked(
    "desired", url="https://git.example.com/state.git", ref="refs/heads/main", mirror=pathlib.Path("/nowhere")
)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (
            f"error: object {OID}: zeroPaddedFilemode: contains zero-padded file modes\nfatal: fsck error",
            (OID, "zeroPaddedFilemode", "contains zero-padded file modes", f"--find-object={OID}", "git-fsck(1)"),
        ),
        (
            f"error: object {OID}: gitmodulesUrl: disallowed submodule url: https://u:p@h/\nfatal: fsck error",
            (OID, "gitmodulesUrl", "https://***@h/", f"--find-object={OID}"),
        ),
        ("fatal: fsck error in packed object", ("fsck error in packed object",)),
    ],
    ids=["a tree", "a blob, with a password", "git names no object"],
)
def test_content_that_git_refuses_is_named_by_its_object(said: str, named: tuple[str, ...]) -> None:
    """The refusal named neither file nor object: nobody could find what to take out."""
    ended = process.Ended(process.Stop.EXITED, 128, b"", said)
    error = answers.remote_failure(ended, where=WHERE)
    assert isinstance(error, errors.Terminal)
    for word in named:
        assert word in str(error)
    assert "u:p" not in str(error)
