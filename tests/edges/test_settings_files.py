"""Settings on disk: read, watched, and a whole checkout checked together."""

import asyncio
import contextlib
import os
import pathlib
import shutil
from collections.abc import AsyncIterator

import pytest

from reconciler import errors
from reconciler.edges import settings_files
from reconciler.settings import deployment

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = """\
repositories:
  main:
    url: https://git.example.com/team/state.git
    ref: refs/heads/main
clusters:
  main: {inCluster: true}
environments:
  production: {repository: main, cluster: main, namespaces: [web]}
"""
DEADLINE = 20.0
Change = deployment.Deployment | errors.InvalidInput


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    config = tmp_path / "config"
    config.mkdir()
    (config / deployment.FILE).write_text(CONFIG)
    return config


def with_poll(poll: str) -> str:
    return CONFIG.replace("refs/heads/main\n", f"refs/heads/main\n    poll: {poll}\n")


def test_read(folder: pathlib.Path) -> None:
    assert settings_files.SettingsFile(folder).read().repositories["main"].ref == "refs/heads/main"


def test_a_missing_file_names_itself(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        settings_files.SettingsFile(tmp_path).read()
    assert caught.value.problems == (
        f"{tmp_path}/deployment-config.yaml:1: the file: is missing; add it, or name the right folder",
    )


def test_a_folder_in_its_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / deployment.FILE).mkdir()
    with pytest.raises(errors.InvalidInput, match="cannot be read"):
        settings_files.SettingsFile(tmp_path).read()


@contextlib.asynccontextmanager
async def changes_of(file: settings_files.SettingsFile) -> AsyncIterator["asyncio.Queue[Change]"]:
    """Changes as the daemon hears them: from a task of its own, that is cancelled in the end."""
    heard: asyncio.Queue[Change] = asyncio.Queue()

    async def listen() -> None:
        async for change in file.changes():
            heard.put_nowait(change)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def next_of(heard: "asyncio.Queue[Change]") -> Change:
    return await asyncio.wait_for(heard.get(), DEADLINE)


async def test_a_bad_reload_is_told_and_the_next_good_one_taken(folder: pathlib.Path) -> None:
    file = settings_files.SettingsFile(folder, look_again=0.5)
    file.read()
    async with changes_of(file) as heard:
        (folder / deployment.FILE).write_text(with_poll("never"))
        bad = await next_of(heard)
        assert isinstance(bad, errors.InvalidInput)
        assert "5: repositories.main.poll: 'never' is no duration" in bad.problems[0]

        (folder / deployment.FILE).write_text(with_poll("5s"))
        good = await next_of(heard)
        assert isinstance(good, deployment.Deployment)
        assert good.repositories["main"].poll == 5.0

        (folder / deployment.FILE).unlink()
        gone = await next_of(heard)
        assert isinstance(gone, errors.InvalidInput)
        assert "is missing" in gone.problems[0]


async def test_what_did_not_change_is_not_told(folder: pathlib.Path) -> None:
    file = settings_files.SettingsFile(folder, look_again=0.5)
    file.read()
    async with changes_of(file) as heard:
        (folder / deployment.FILE).touch()
        (folder / "other.yaml").write_text("a: 1\n")
        (folder / deployment.FILE).write_text(CONFIG)
        (folder / deployment.FILE).write_text(with_poll("7s"))
        change = await next_of(heard)
        assert isinstance(change, deployment.Deployment)
        assert change.repositories["main"].poll == 7.0
        assert heard.empty()


async def test_a_mounted_config_map_is_swapped_by_its_link(tmp_path: pathlib.Path) -> None:
    """The kubelet never writes the file: it renames a link to a folder beside it."""
    for version, text in (("..one", CONFIG), ("..two", with_poll("9s"))):
        (tmp_path / version).mkdir()
        (tmp_path / version / deployment.FILE).write_text(text)
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / deployment.FILE).symlink_to(f"..data/{deployment.FILE}")
    file = settings_files.SettingsFile(tmp_path)  # half a minute to the next look: the event must do it
    file.read()
    async with changes_of(file) as heard:
        change = None
        while change is None:  # until the watch is up, swapping is not seen: swap again
            (tmp_path / "..next").symlink_to("..two")
            os.replace(tmp_path / "..next", tmp_path / "..data")
            with contextlib.suppress(TimeoutError):
                change = await asyncio.wait_for(heard.get(), 2.0)
        assert isinstance(change, deployment.Deployment)
        assert change.repositories["main"].poll == 9.0


async def test_a_folder_that_comes_later(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "config"
    file = settings_files.SettingsFile(folder, look_again=0.1)
    async with changes_of(file) as heard:
        folder.mkdir()
        (folder / deployment.FILE).write_text(CONFIG)
        while not isinstance(await next_of(heard), deployment.Deployment):
            pass


# --- check


@pytest.fixture
def checkout(folder: pathlib.Path) -> pathlib.Path:
    """A repository with one environment and one application, without error."""
    web = folder.parent / "desired-state" / "production" / "web"
    (web / "manifests").mkdir(parents=True)
    (web / "application.yaml").write_text(
        "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\nsource: {manifests: {}}\n"
    )
    (web.parent / "environment.yaml").write_text("apiVersion: reconciler.dev/v1\nkind: Environment\n")
    (web.parent.parent / "README.md").write_text("no environment")
    return folder.parent


def problems(checkout: pathlib.Path) -> list[str]:
    report = settings_files.check(checkout / "config", desired_state=checkout / "desired-state")
    return [problem.removeprefix(f"{checkout}/") for problem in report.problems]


def test_a_good_checkout(checkout: pathlib.Path) -> None:
    report = settings_files.check(checkout / "config", desired_state=checkout / "desired-state")
    assert (report.environments, report.applications, report.problems) == (1, 1, ())


def test_all_errors_of_all_files(checkout: pathlib.Path) -> None:
    production = checkout / "desired-state" / "production"
    (checkout / "config" / deployment.FILE).write_text(CONFIG.replace("ref:", "reff:"))
    (production / "environment.yaml").write_text("kind: Environment\n")
    (production / "web" / "application.yaml").write_text("a: [\n")
    (production / "empty").mkdir()
    *found, yaml = problems(checkout)
    assert found == [
        "config/deployment-config.yaml:2: repositories.main.ref: is required; add it, for example `ref:"
        " refs/heads/main`",
        "config/deployment-config.yaml:4: repositories.main.reff: unknown key; did you mean 'ref'?",
        "desired-state/production/environment.yaml:1: apiVersion: is required; add it, for example `apiVersion:"
        " reconciler.dev/v1`",
        "desired-state/production/empty/application.yaml:1: the file: is missing; add it, or name the right folder",
    ]
    assert yaml.startswith("desired-state/production/web/application.yaml:")


def test_files_that_do_not_fit_each_other(checkout: pathlib.Path) -> None:
    staging = checkout / "desired-state" / "staging"
    shutil.copytree(checkout / "desired-state" / "production", staging)
    (checkout / "desired-state" / "production" / "web" / "application.yaml").write_text(
        "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: kube-system\nsource: {manifests: {}}\n"
    )
    place = f"{checkout}/config/deployment-config.yaml"
    assert problems(checkout) == [
        "desired-state/production/web/application.yaml:3: namespace: 'kube-system' is not among web of"
        f" {place}:8 (environments.production.namespaces); write one of them, or allow it there",
        f"desired-state/staging/environment.yaml:1: the folder 'staging' is no environment of {place} (known:"
        " production); add it there, or rename the folder",
    ]


def test_a_missing_environment(checkout: pathlib.Path) -> None:
    """Only where one repository holds them all: with two, the other one may hold it."""
    shutil.rmtree(checkout / "desired-state" / "production")
    config = checkout / "config" / deployment.FILE
    assert problems(checkout) == [
        f"config/deployment-config.yaml:8: environments.production: there is no folder"
        f" {checkout}/desired-state/production; add it with an environment.yaml"
    ]
    second = "clusters:\n  main: {inCluster: true}\n"
    config.write_text(
        CONFIG.replace(second, f"  other: {{url: 'https://h/o', ref: refs/heads/main}}\n{second}")
        + "  staging: {repository: other, cluster: main, namespaces: [web]}\n"
    )
    assert problems(checkout) == []


def test_paths_that_are_not_there(checkout: pathlib.Path) -> None:
    (checkout / "charts" / "web").mkdir(parents=True)
    application = checkout / "desired-state" / "production" / "web" / "application.yaml"
    application.write_text(
        "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\nsource:\n  chart:\n    path: charts/web\n"
        "    valuesFiles:\n      - values.yaml\n      - /charts/web/values.yaml\nreads: [common]\n"
    )
    (checkout / "charts" / "web" / "values.yaml").write_text("{}")
    where = "desired-state/production/web/application.yaml"
    remedy = "is not in the repository; correct the path, or add it"
    assert problems(checkout) == [
        f"{where}:6: source.chart.path: charts/web/Chart.yaml {remedy}",
        f"{where}:8: source.chart.valuesFiles[0]: desired-state/production/web/values.yaml {remedy}",
        f"{where}:10: reads[0]: common {remedy}",
    ]


def test_environments_that_promote_in_a_circle(checkout: pathlib.Path) -> None:
    (checkout / "config" / deployment.FILE).write_text(
        CONFIG + "  staging: {repository: main, cluster: main, namespaces: [web]}\n"
    )
    production, staging = (checkout / "desired-state" / name for name in ("production", "staging"))
    shutil.copytree(production, staging)
    for folder, before in ((production, "staging"), (staging, "production")):
        (folder / "environment.yaml").write_text(
            f"apiVersion: reconciler.dev/v1\nkind: Environment\npromotesFrom: {before}\n"
        )
    assert problems(checkout) == [
        "desired-state/production/environment.yaml:3: promotesFrom: the environments promote in a circle: production ←"
        " staging ← production; remove one of these lines",
        "desired-state/staging/environment.yaml:3: promotesFrom: the environments promote in a circle: staging ←"
        " production ← staging; remove one of these lines",
    ]


def test_the_files_that_we_ship() -> None:
    report = settings_files.check(ROOT / "config", desired_state=ROOT / "desired-state")
    assert report.problems == ()
    assert (report.environments, report.applications) == (3, 3)
