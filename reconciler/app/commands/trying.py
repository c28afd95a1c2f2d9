"""`--sandbox`: settings that put sandboxes in place of the clusters, in a folder of their own.

Nothing of the real installation is touched: not its clusters, not its journal, and nothing is pushed.
"""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from reconciler import errors, yamltext
from reconciler.app.commands import previewing
from reconciler.edges import settings_files
from reconciler.edges.git import place, repository
from reconciler.sandbox import served
from reconciler.settings import deployment, environment

Raw = dict[str, Any]
NAME = "desired"
"""The repository of settings that nobody wrote."""
OBSERVE = "5s"
"""In settings that nobody wrote: pods of a sandbox fail within seconds, or never."""
FOLDER = "desired-state"
HEAD = "# Made by `reconciler … --sandbox`, and made anew by the next one. No real cluster is named here.\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to try. `repository`: a path or an https URL, '' for those of the settings in `config`; `ref`: a branch of
    it, '' for the one that it has checked out. `folder`: for settings, journal and mirrors; None: a temporary one."""

    config: pathlib.Path
    repository: str = ""
    ref: str = ""
    folder: pathlib.Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """`config` is the folder of the settings, for commands beside; `sentences` say what is tried."""

    config: pathlib.Path
    sentences: tuple[str, ...]


@contextlib.asynccontextmanager
async def prepared(wanted: Wanted) -> AsyncIterator[Prepared]:
    """Settings to run any command with. A temporary folder goes with the block. Raises `errors.InvalidInput` for what
    cannot be tried, `errors.ReconcilerError` when the repository cannot be read."""
    with contextlib.ExitStack() as closing:
        folder = _folder(wanted.folder, closing)
        raw, sentence = await _from_repository(wanted, folder) if wanted.repository else _from_settings(wanted.config)
        raw |= {"stateDir": str(folder), "metrics": {"address": "127.0.0.1:0"}}
        config = folder / "config"
        config.mkdir(exist_ok=True)
        (config / deployment.FILE).write_text(HEAD + json.dumps(raw, indent=2) + "\n")
        its = settings_files.SettingsFile(config).read()
        what = f"{sentence}; environments: {', '.join(sorted(its.environments))}"
        yield Prepared(config, (what, "what fails is reverted in the sandbox alone: nothing is pushed to Git"))


def _folder(given: pathlib.Path | None, closing: contextlib.ExitStack) -> pathlib.Path:
    """Raises `errors.InvalidInput` for a folder that is somebody else's: above all the state of a real daemon."""
    if given is None:
        return pathlib.Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-sandbox-")))
    folder = given.resolve()
    ours = folder / "config" / deployment.FILE
    if folder.exists() and any(folder.iterdir()) and not (ours.is_file() and ours.read_text().startswith(HEAD)):
        raise errors.InvalidInput((f"{folder}: is not empty, and no sandbox made it; name a new folder",))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _from_settings(config: pathlib.Path) -> tuple[Raw, str]:
    """The settings with sandboxes in them. Their own files are validated first, so that complaints name them."""
    try:
        settings_files.SettingsFile(config).read()
    except errors.InvalidInput as error:
        if (config / deployment.FILE).exists():
            raise
        remedy = "without settings, name a repository: --repository PATH"
        raise errors.InvalidInput((*error.problems, remedy)) from error
    file = config / deployment.FILE
    read, _ = yamltext.load_with_positions(file.read_bytes(), str(file))
    raw: Raw = dict(read) if isinstance(read, dict) else {}
    raw.pop("journal", None)
    raw["clusters"] = {
        name: {"sandbox": True} | {key: value for key, value in found.items() if key == "namespace"}
        for name, found in raw["clusters"].items()
    }
    raw["environments"] = {
        name: found | {"revert": found.get("revert", {}) | {"git": "pin"}}
        for name, found in raw["environments"].items()
    }
    return raw, f"the settings in {config}"


async def _from_repository(wanted: Wanted, folder: pathlib.Path) -> tuple[Raw, str]:
    """Settings for every environment that the branch has: each may write anywhere in a sandbox of its own."""
    url, mirror = _url(wanted.repository), folder / "mirrors" / NAME
    ref = previewing.full_ref(wanted.ref)
    if not ref:
        async with _opened(url, "refs/heads/main", mirror=mirror) as asked:
            ref = await asked.default_ref()
    async with _opened(url, ref, mirror=mirror) as opened:
        revision = await opened.head()
        files = {name: f"{FOLDER}/{name}/{environment.FILE}" for name in await opened.folders(revision, FOLDER)}
        found = await opened.oids(revision, tuple(files.values()))
    environments = [name for name, file in files.items() if found[file]]
    if not environments:
        missing = f"{url}: {ref} has no {FOLDER}/<environment>/{environment.FILE} at {revision[:12]}"
        raise errors.InvalidInput((f"{missing}; commit one: what is not committed is not looked at",))
    kinds = sorted({str(served_kind.kind) for served_kind in served.published().types if not served_kind.namespaced})
    raw: Raw = {
        "repositories": {NAME: {"url": url, "ref": ref, "poll": "1s", "allowLocal": True}},
        "clusters": {name: {"sandbox": True} for name in environments},
        "environments": {
            name: {
                "repository": NAME,
                "cluster": name,
                "namespaces": ["*"],
                "clusterKinds": kinds,
                "revert": {"git": "pin"},
                "verify": {"observe": OBSERVE},
            }
            for name in environments
        },
    }
    return raw, f"commits of {ref} of {url}, now {revision[:12]}"


@contextlib.asynccontextmanager
async def _opened(url: str, ref: str, *, mirror: pathlib.Path) -> AsyncIterator[repository.GitRepository]:
    opened = repository.GitRepository(place.Place.checked(NAME, url=url, ref=ref, mirror=mirror, allow_local=True))
    try:
        yield opened
    finally:
        await opened.close()


def _url(given: str) -> str:
    """An https URL as it is, a path as the repository that it lies in. Raises `errors.InvalidInput` for others."""
    if given.startswith("https://"):
        return given
    if "://" in given:
        remedy = "write a path or an https URL, or settings (--config) for what needs keys"
        raise errors.InvalidInput((f"--repository {given}: this is neither; {remedy}",))
    path = pathlib.Path(given).resolve()
    for folder in (path, *path.parents):
        if (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir()):
            return str(folder)
    raise errors.InvalidInput((f"--repository {given}: there is no Git repository; name a folder of one",))
