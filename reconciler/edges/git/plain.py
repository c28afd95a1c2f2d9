"""What the files of a repository on this machine say as they lie there, where they say it as git would."""

import os
import pathlib
import re
import stat
import urllib.parse

from reconciler.edges.git import place

TIP = re.compile(rb"([0-9a-f]{40})\n")


def git_dir(where: place.Place) -> pathlib.Path:
    """As git finds it: the path itself where it is bare, else below it."""
    path = pathlib.Path(urllib.parse.unquote(where.url.removeprefix("file://")))
    candidates = (path / ".git", path, path.with_name(f"{path.name}.git"))
    return next((found for found in candidates if (found / "HEAD").is_file()), path)


def tip(where: place.Place) -> str:
    """The SHA in the file of our ref; '' where git must be asked: the ref is no branch, packed, symbolic, kept in
    another way, or the repository is not one that git would open without more ado. Git replaces such a file, so it is
    read whole."""
    if not where.ref.startswith("refs/heads/") or place.NO_REF.search(where.ref):
        return ""  # a rehearsal looks at what a person names
    found = git_dir(where)
    try:
        ours = found.stat().st_uid == os.geteuid()  # git refuses what belongs to somebody else, and says how
        usual = (found / "objects").is_dir() and not (found / "commondir").exists() and not _redirected(found)
        if not (ours and usual):
            return ""
        descriptor = os.open(found / where.ref, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            match = TIP.fullmatch(opened.read(100))
    except OSError:
        return ""
    return match[1].decode() if match else ""


def unborn(where: place.Place) -> bool:
    """Whether our ref is the branch of a work tree in which nothing was ever committed. Git notes every commit there;
    of a bare repository nothing tells whether somebody has deleted the ref."""
    found = git_dir(where)
    try:
        named = (found / "HEAD").read_text("utf-8", "replace").strip()
    except OSError:
        return False
    return found.name == ".git" and named == f"ref: {where.ref}" and not (found / "logs" / "HEAD").exists()


def _redirected(found: pathlib.Path) -> bool:
    """A work tree whose `.git` is a file: git goes where that says."""
    return (found / ".git").exists()
