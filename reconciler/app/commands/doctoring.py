"""`doctor`: everything the daemon depends on, asked at once, one finding each. Changes nothing."""

import asyncio
import functools
import os
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from reconciler import errors, ports
from reconciler.app import beside, composing, opening, renderers, sandboxes
from reconciler.app.commands import granting
from reconciler.edges import sops, versions
from reconciler.edges.git import repository
from reconciler.edges.helm import renderer as helm_renderer
from reconciler.edges.journal import observing
from reconciler.edges.kubernetes import proving
from reconciler.edges.kustomize import renderer as kustomize_renderer
from reconciler.model import document, targets
from reconciler.pipeline import needing, world
from reconciler.settings import deployment

DEADLINE = 8.0
"""Seconds for one check; all run at once, so that the whole takes no more than 10."""
RENDERING = 60.0
"""Seconds for the one check that renders everything first: large charts take their time, and no other way tells."""

GIVEN_UP = {
    "network": "what is rendered could open connections",
    "files": "it could read files of this machine",
    "user": "it renders as this user",
}
"""What a box gives up where the platform allows, and what it means where not."""

Finding = ports.Finding
Check = Callable[[], Awaitable[Sequence[Finding]]]


async def examine(config: pathlib.Path) -> AsyncIterator[tuple[str, tuple[Finding, ...]]]:
    """Groups of findings in a fixed order: the group's name and its lines."""
    checks: dict[str, Check] = {"versions": installed}
    try:
        its = opening.settings(config)
    except errors.InvalidInput as error:
        remedy = "`reconciler config check` shows every error; --config names another folder"
        yield "settings", tuple(Finding("settings", False, problem, remedy) for problem in error.problems)
    else:
        names = f"repositories {', '.join(its.repositories)}; environments {', '.join(its.environments)}"
        yield "settings", (Finding("settings", True, f"{config}: {names}"),)
        checks |= _checks(its)
    limits = {"rights": RENDERING}
    running = {
        name: asyncio.create_task(_bounded(check, seconds=limits.get(name, DEADLINE))) for name, check in checks.items()
    }
    for name, task in running.items():
        yield name, await task


def _checks(its: deployment.Deployment) -> dict[str, Check]:
    checks: dict[str, Check] = {
        "state": functools.partial(_state, its),
        "journal": functools.partial(_journal, its),
        "helm": functools.partial(_helm, its),
        "kustomize": functools.partial(_kustomize, its),
        "sops": functools.partial(_sops, its),
    }
    checks |= {f"repository {name}": functools.partial(_repository, its, name) for name in its.repositories}
    checks |= {f"cluster {name}": functools.partial(_cluster, its, name) for name in its.clusters}
    return checks if its.sandboxed else checks | {"rights": functools.partial(_rights, its)}


async def _bounded(check: Check, *, seconds: float) -> tuple[Finding, ...]:
    """What takes too long or breaks keeps nobody from reading the rest."""
    try:
        async with asyncio.timeout(seconds):
            return tuple(await check())
    except TimeoutError:
        because = f"no answer within {seconds:.0f} s"
        return (Finding("reachable", False, because, "look at the network on the way there"),)
    except errors.ReconcilerError as error:
        return (Finding("reachable", False, str(error), "the settings of what this is about, and the way there"),)


async def installed() -> list[Finding]:
    about = f"reconciler {versions.own()}, Python {versions.python()}, helm-python-sdk {versions.helm()}"
    wrong = versions.complaints()
    found = [Finding("packages", False, problem) for problem in wrong] or [Finding("packages", True, about)]
    try:
        here = await versions.git()
        old = versions.old_git(here)
        found.append(Finding("git", not old, old or here, "install a newer one" if old else ""))
    except errors.Terminal as error:
        found.append(Finding("git", False, str(error), "install git and put it on the PATH"))
    try:
        await proving.authorization_is_sent()
        found.append(Finding("credentials", True, "the Kubernetes client sends the Authorization header"))
    except errors.Terminal as error:
        found.append(Finding("credentials", False, str(error)))
    except errors.Transient as error:  # not found out, which takes nothing away from what was
        found.append(Finding("credentials", None, str(error), "reconciler doctor"))
    return found


async def _state(its: deployment.Deployment) -> list[Finding]:
    folder = pathlib.Path(its.state_dir)
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(standing, os.W_OK | os.X_OK):
        return [
            Finding("writable", True, f"{folder}{'' if folder == standing else ' will be made at the first start'}")
        ]
    because = f"{standing} is not writable for this user"
    remedy = "chown it to the user that the daemon runs as, or name another folder in stateDir"
    if observing.led(pathlib.Path(its.journal_path)):
        return [Finding("writable", None, f"{because}; the daemon that leads runs as another one")]
    return [Finding("writable", False, because, remedy)]


async def _journal(its: deployment.Deployment) -> list[Finding]:
    path = pathlib.Path(its.journal_path)
    if not beside.there_is_a_journal(its):
        return [Finding("readable", None, f"there is none at {path} yet: the first `reconciler run` makes it")]
    async with opening.open_journal(its, read_only=True) as journal:
        (sequence, _), epoch = await journal.head(), await journal.epoch()
        known = await journal.targets()
        led = observing.led(path)
    noun = "target" if len(known) == 1 else "targets"
    readable = Finding("readable", True, f"{path}: {sequence} events, {len(known)} {noun}")
    if led:
        return [readable, Finding("leader", True, f"a daemon leads in epoch {epoch}")]
    because = "no daemon leads" if led is False else "whether a daemon leads cannot be seen by this user"
    return [readable, Finding("leader", None, because, "reconciler run" if led is False else "")]


async def _helm(its: deployment.Deployment) -> list[Finding]:
    helm = helm_renderer.HelmRenderer(limits=renderers.limits(its), workers=1)
    try:
        return [_box(await helm.isolation())]
    finally:
        await helm.close()


async def _kustomize(its: deployment.Deployment) -> list[Finding]:
    """Not having it is no failure: whether an application needs it stands in Git."""
    kustomize = kustomize_renderer.KustomizeRenderer(limits=renderers.limits(its), workers=1)
    try:
        about = await kustomize.about()
    except errors.Transient as error:
        because = f"{error}; only applications with source.kustomize need it"
        return [Finding("binary", False if kustomize.path else None, because)]
    finally:
        await kustomize.close()
    return [Finding("binary", True, f"{about.path} is {about.version}"), _box(about.isolation)]


async def _sops(its: deployment.Deployment) -> list[Finding]:
    """Not having it is no failure where no environment has a key."""
    keys = composing.key_files(its)
    found = []
    try:
        found.append(Finding("binary", True, await sops.version()))
    except errors.Sealed as error:
        because = f"{error}{'' if keys else '; only environments with decryption.ageKeyFile need it'}"
        found.append(Finding("binary", False if keys else None, because))
    for name, path in keys.items():
        try:
            sops.usable(path)
            found.append(Finding(f"key of {name}", True, str(path)))
        except errors.Sealed as error:
            found.append(Finding(f"key of {name}", False, str(error)))
    return found


def _box(given_up: Sequence[str]) -> Finding:
    missing = [risk for name, risk in GIVEN_UP.items() if name not in given_up]
    if not missing:
        return Finding("box", True, f"it renders without {', '.join(given_up)}")
    remedy = "allow unprivileged user namespaces for the daemon, or render only what you trust"
    return Finding("box", None, f"this platform keeps the box from closing: {', '.join(missing)}", remedy)


async def _repository(its: deployment.Deployment, name: str) -> list[Finding]:
    wanted = its.repositories[name]
    found = []
    if wanted.is_ssh:
        try:
            found.append(Finding("ssh", True, await versions.ssh()))
        except errors.Terminal as error:
            return [Finding("ssh", False, str(error), "install OpenSSH's client and put it on the PATH")]
    opened = repository.GitRepository(beside.place_beside(name, wanted, its))
    try:
        revision = await opened.head()
        found += await _signatures(opened, wanted, revision)
    except errors.RefMissing as error:
        return [*found, Finding("ref", False, str(error), f"push {wanted.ref}, or name another one in `ref`")]
    except errors.ReconcilerError as error:
        remedy = f"`git ls-remote {wanted.url} {wanted.ref}` with the same credentials must work"
        return [*found, Finding("reachable", False, str(error), remedy)]
    finally:
        await opened.close()
    found.append(Finding("ref", True, f"{wanted.ref} is at {revision[:12]}"))
    environments = [key for key, limits in its.environments.items() if limits.repository == name]
    pushing = [key for key in environments if its.git_policy(key) is targets.GitPolicy.PUSH]
    if pushing and not wanted.may_push:
        because = f"{', '.join(pushing)} would push reverts, and there is nothing to push or to sign with"
        found.append(
            Finding(
                "push",
                False,
                because,
                "add credentials.passwordFile or signatures.signingKeyFile, or set revert.git: pin",
            )
        )
    elif pushing:
        found.append(Finding("push", None, "not tried: only the first revert of a failed release pushes"))
    return found


async def _signatures(opened: repository.GitRepository, wanted: deployment.Repository, revision: str) -> list[Finding]:
    """Whether the head may be deployed, and whether our own commits could be."""
    if not wanted.signatures.required:
        return []
    found = []
    try:
        await opened.fetch(revision)
        await opened.check_signatures(revision)
        found.append(Finding("signatures", True, f"{revision[:12]}, and what it brought, is signed as required"))
    except errors.Terminal as error:
        found.append(Finding("signatures", False, str(error), "nothing new is deployed until then"))
    if wanted.signatures.signing_key_file:
        try:
            found.append(Finding("signing", True, f"revert commits are signed with {await opened.prove_signing()}"))
        except errors.Terminal as error:
            found.append(Finding("signing", False, str(error), "add its public half to allowedSignersFile"))
    return found


async def _cluster(its: deployment.Deployment, name: str) -> Sequence[Finding]:
    if its.clusters[name].sandbox:
        return [Finding("sandbox", None, sandboxes.ELSEWHERE)]
    try:
        connected = await composing.connect(name, its.clusters[name], its)
    except errors.ReconcilerError as error:
        return [Finding("credentials", False, str(error), "correct clusters in deployment-config.yaml, or the file")]
    try:
        return await connected.check()
    finally:
        await connected.close()


async def _rights(its: deployment.Deployment) -> list[Finding]:
    """Of every environment: what the objects that it renders need, before the first of them is written."""
    async with beside.journal_or_none(its) as (journal, _), beside.build(its, journal) as found:
        needs = await needing.Needing(found.here).all()
        answers = await asyncio.gather(*(_rights_of(found.here, name, needs[name]) for name in needs))
    return [finding for answer in answers for finding in answer]


async def _rights_of(here: world.World, environment: str, needs: needing.Needs) -> list[Finding]:
    unknown = [Finding(environment, None, f"what is needed cannot be told of {why}") for why in needs.unknown]
    limits = here.settings.environments[environment]
    if limits.cluster not in here.clusters:
        return []  # its own check says why
    if not needs.needs:
        return unknown or [Finding(environment, True, "there is no target: nothing is needed")]
    try:
        rights = await here.cluster_in(environment).rights(needs.needs)
    except errors.Forbidden as error:  # everybody may ask this: it is the impersonation that is refused
        own = await here.clusters[limits.cluster].rights(())
        return [Finding(environment, False, str(error), granting.acting(environment, limits.impersonate, own.user))]
    except errors.ReconcilerError as error:
        return [Finding(environment, None, str(error)), *unknown]
    return [*granting.findings(environment, rights), *unknown]


def data(groups: Sequence[tuple[str, Sequence[Finding]]]) -> document.Json:
    """For scripts. Names are stable; `ok` null: could not be found out."""
    return {
        "ok": not failed(groups),
        "findings": [
            {"group": name, "subject": one.subject, "ok": one.ok, "because": one.because, "remedy": one.remedy or None}
            for name, findings in groups
            for one in findings
        ],
    }


def failed(groups: Sequence[tuple[str, Sequence[Finding]]]) -> bool:
    return any(one.ok is False for _, findings in groups for one in findings)
