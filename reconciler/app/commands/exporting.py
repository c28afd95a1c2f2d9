"""`export`: targets of a checkout → objects of Flux or Argo CD, or nothing at all when one of them cannot be."""

import enum
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors, yamltext
from reconciler.app import writing
from reconciler.edges import settings_files
from reconciler.edges.helm import values as helm_values
from reconciler.model import document, ids, sources, targets
from reconciler.settings import application as application_file
from reconciler.settings import base, loading, resolve, tree, values
from reconciler.settings import deployment as deployment_file
from reconciler.settings import environment as environment_file
from reconciler.settings.peers import outward, to_argocd, to_flux

LONGEST_NAME = 63
"""Of an object of theirs: both write it as the value of a label."""
GONE = {
    targets.State.ABSENT: "everything of it is deleted, so there is nothing to hand over; leave it out, or write state:"
    " present",
    targets.State.ORPHANED: "what it left behind is nobody's; export it as it was before the commit that says so",
}


class Tool(enum.Enum):
    FLUX = "flux"
    ARGOCD = "argocd"

    @property
    def title(self) -> str:
        return {Tool.FLUX: "Flux", Tool.ARGOCD: "Argo CD"}[self]


EXPORT: Mapping[Tool, Callable[[outward.Given], outward.Exported]] = {
    Tool.FLUX: to_flux.export,
    Tool.ARGOCD: to_argocd.export,
}


@dataclass(frozen=True, slots=True)
class Export:
    """`objects`: each once, in the order of applying. `left_out`: sentences."""

    tool: Tool
    objects: tuple[document.Json, ...]
    targets: tuple[outward.Exported, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a field, or of all fields of a group."""

    where: str
    line: int
    path: str
    to: str
    because: str


def read(
    config: pathlib.Path,
    *,
    desired_state: pathlib.Path,
    keys: Sequence[ids.TargetKey],
    environment: str | None,
    tool: Tool,
) -> Export:
    """The targets of `keys`, and all of `environment` that are present. Raises `errors.InvalidInput` with everything
    that is wrong."""
    checkout = _Checkout(config, desired_state=desired_state, tool=tool)
    wanted = dict.fromkeys(keys)
    left_out: list[str] = []
    if environment is not None:
        for key in checkout.of(environment):
            application = checkout.application(key)
            if application and application.state is not targets.State.PRESENT and key not in keys:
                left_out.append(f"{key}: state: {application.state.value}")
            else:
                wanted[key] = None
    found = [given for key in wanted if (given := checkout.given(key))]
    made = [EXPORT[tool](given) for given in found]
    objects: dict[tuple[str, str], document.Json] = {}
    for body in itertools.chain.from_iterable(one.objects for one in made):
        name = document.text(body, "metadata", "name")
        if objects.setdefault((document.text(body, "kind"), name), body) != body:
            kind = document.text(body, "kind")
            checkout.problems.append(f"two of these would be the {kind} {name}; export one, and rename it in the other")
    if not made and not checkout.problems:
        checkout.problems.append(
            f"nothing of {environment} is present: {', '.join(left_out)}; name another environment"
        )
    if checkout.problems:
        raise errors.InvalidInput(tuple(dict.fromkeys(checkout.problems)))
    order = sorted(objects.values(), key=lambda body: not document.text(body, "kind").endswith("Repository"))
    return Export(tool, tuple(order), tuple(made), tuple(left_out))


class _Checkout:
    """The settings files of a checkout: each is loaded when it is asked for; problems are collected on the way."""

    def __init__(self, config: pathlib.Path, *, desired_state: pathlib.Path, tool: Tool) -> None:
        self.problems: list[str] = []
        self.tool = tool
        self.folder = desired_state
        self.texts = settings_files.checkout(config, desired_state=desired_state)
        self.where = f"{config}/{deployment_file.FILE}"
        self.deployment = loading.load(deployment_file.Deployment, _there(self.texts.deployment), where=self.where)
        self.disk = _file(self.where, self.texts.deployment)
        self._applications: dict[ids.TargetKey, application_file.Application | None] = {}

    def of(self, environment: str) -> Iterator[ids.TargetKey]:
        """All targets of an environment."""
        folder = self.texts.folders.get(environment)
        if folder is None:
            self.problems.append(_unknown(f"{self.folder}/{environment}", environment, self.texts.folders))
        elif not folder.applications:
            self.problems.append(f"{self.folder}/{environment} has no application; name another environment")
        yield from (ids.TargetKey(environment, name) for name in (folder.applications if folder else ()))

    def application(self, key: ids.TargetKey) -> application_file.Application | None:
        if key not in self._applications:
            text = self.texts.folders[key.environment].applications[key.application]
            self._applications[key] = None
            try:
                loaded = loading.load(application_file.Application, _there(text), where=self._of(key))
                self._applications[key] = loaded
            except errors.InvalidInput as error:
                self.problems += error.problems
        return self._applications[key]

    def given(self, key: ids.TargetKey) -> outward.Given | None:
        """Everything that its export asks for; None when there is a problem."""
        folder = self.texts.folders.get(key.environment)
        known = folder.applications if folder else self.texts.folders
        word = key.application if folder else key.environment
        if folder is None or word not in known:
            path = f"{self.folder}/{key}" if folder else f"{self.folder}/{key.environment}"
            self.problems.append(_unknown(path, word, known))
            return None
        before = len(self.problems)
        try:
            own = _file(self._of(key), folder.applications[key.application])
            outer = _file(f"{self.folder}/{key.environment}/{environment_file.FILE}", folder.environment)
            environment = loading.load(environment_file.Environment, _there(folder.environment), where=outer.where)
            application = self.application(key)
            if application is None or self._refused(application):
                return None
            target = self._target(key, application=application, environment=environment)
            made = self._given(target, application=own, environment=outer)
        except errors.InvalidInput as error:
            self.problems += error.problems
            return None
        return made if len(self.problems) == before else None

    def _of(self, key: ids.TargetKey) -> str:
        return f"{self.folder}/{key}/{application_file.FILE}"

    def _refused(self, application: application_file.Application) -> bool:
        if because := GONE.get(application.state):
            text = f"is {application.state.value}: {because}"
            self.problems.append(application.origin.sentence(base.Complaint(("state",), text)))
        return application.state in GONE

    def _target(
        self,
        key: ids.TargetKey,
        *,
        application: application_file.Application,
        environment: environment_file.Environment,
    ) -> targets.Target:
        limits = self.deployment.environments.get(key.environment)
        prefix = self.deployment.repositories[limits.repository].desired_state if limits else ""
        target = resolve.resolve(
            self.deployment, key=key, folder=f"{prefix}/{key}", application=application, environment=environment
        )
        if self.deployment.repositories[target.repository].is_local:
            at = ("repositories", target.repository, "url")
            text = f"is a place on this machine, where {self.tool.title} reads nothing; write the URL of its host"
            self.problems.append(self.deployment.origin.sentence(base.Complaint(at, text)))
        return target

    def _given(self, target: targets.Target, *, application: outward.File, environment: outward.File) -> outward.Given:
        repository = self.deployment.repositories[target.repository]
        kept: document.Json = {
            group: {name: document.mapping(self.disk.body, group)[name]}
            for group, name in (("repositories", target.repository), ("environments", target.key.environment))
        }
        name = self._name(target.key)
        if len(name) > LONGEST_NAME:
            called = f"its object would be called {name}, which is longer than {LONGEST_NAME}"
            self.problems.append(f"{target.key}: {called}; give the application a shorter name, or write it by hand")
        root = settings_files.root(self.folder, repository.desired_state)
        chart = target.source if isinstance(target.source, targets.Chart) else None
        return outward.Given(
            target=target,
            name=name,
            application=application,
            environment=environment,
            disk=outward.File(self.where, kept, self.disk.line),
            url=repository.url,
            ref=repository.ref,
            poll=repository.poll,
            timeout=repository.timeout,
            in_cluster=self.deployment.clusters[target.cluster].in_cluster,
            needs=self._needs(target),
            defaults=bool(chart and root and (root / chart.path / "values.yaml").exists()),
            values=self._values(chart, root) if chart and chart.archive and self.tool is Tool.FLUX else None,
        )

    def _name(self, key: ids.TargetKey) -> str:
        """The application's, with its environment's before it where another environment is in the same place: for Flux
        the same cluster, for Argo CD, which writes to all of them, any."""
        its = self.deployment.environments
        others = [
            name
            for name, limits in its.items()
            if name != key.environment and (self.tool is Tool.ARGOCD or limits.cluster == its[key.environment].cluster)
        ]
        return f"{key.environment}-{key.application}" if others else key.application

    def _needs(self, target: targets.Target) -> dict[str, outward.Need]:
        key, known = target.key, self.texts.folders[target.key.environment].applications
        found: dict[str, outward.Need] = {}
        for need in target.depends_on:
            other = ids.TargetKey(key.environment, need.name)
            if need.name not in known:
                remedy = values.suggestion(need.name, known) or "add its folder, or remove the line"
                self.problems.append(f"{need.place}: {need.name!r} is no application of this environment; {remedy}")
            elif application := self.application(other):
                chart, present = application.source.chart is not None, application.state is targets.State.PRESENT
                found[need.name] = outward.Need(self._name(other), chart, present)
        return found

    def _values(self, chart: targets.Chart, root: pathlib.Path | None) -> document.Json:
        """All values of an archive, which knows no files of Git."""
        files: list[sources.File] = []
        for path in chart.values_files:
            if root is None:
                raise errors.InvalidInput(
                    (f"{self.folder} is not that of a checkout, so that {path} cannot be read; name the checkout's",)
                )
            file = root / path
            if not file.resolve().is_relative_to(root.resolve()):
                raise errors.InvalidInput((f"{file}:1: the file: leads out of the checkout; put its content there",))
            content = settings_files.content(file)
            if any(line.startswith(b"sops:") for line in content.splitlines()):
                remedy = "put these values into a Secret, and name it in spec.valuesFrom"
                raise errors.InvalidInput(
                    (f"{file}:1: sops: the file is encrypted, and Flux opens none here; {remedy}",)
                )
            files.append(sources.File(path, "", content))
        return helm_values.of(chart, files)


def _there(text: tree.Text) -> bytes:
    if isinstance(text, errors.InvalidInput):
        raise text
    return text


def _file(where: str, text: tree.Text) -> outward.File:
    body, positions = yamltext.load_with_positions(_there(text), where)
    if not isinstance(body, dict):
        raise errors.InvalidInput((f"{where}:1: the file: is no mapping; write its keys",))
    return outward.File(where, body, positions.line)


def _unknown(path: str, word: str, known: Iterable[str]) -> str:
    remedy = values.suggestion(word, known) or f"known there: {', '.join(known) or 'none'}"
    return f"there is no {path}; {remedy}"


# --- what is told


def lines(found: Export, *, lost: bool) -> tuple[Line, ...]:
    """Fields without a counterpart, or those that mean something else there. What has one reason throughout a group is
    one line, and what is said of several targets is said once."""
    aside = ("", outward.OVERRIDDEN, outward.UNUSED)
    wanted = (
        told
        for one in found.targets
        for told in one.told
        if told.fate.because and (not told.fate.to if lost else told.fate.to not in aside)
    )
    grouped = itertools.groupby(wanted, lambda told: (told.where, told.fate.to, told.fate.because))
    return tuple(dict.fromkeys(_line(tuple(group)) for _, group in grouped))


def _line(group: tuple[outward.Told, ...]) -> Line:
    first = group[0]
    same = itertools.takewhile(lambda steps: len(set(steps)) == 1, zip(*(told.at for told in group), strict=False))
    shared = tuple(steps[0] for steps in same)
    path = base.dotted(shared) if shared else first.fate.path
    return Line(first.where, first.line, path, first.fate.to, first.fate.because)


def as_yaml(found: Export) -> str:
    return writing.as_yaml(*found.objects)


def data(found: Export) -> document.Json:
    """For scripts. Names are stable; `to` is null for a field without a counterpart."""
    return {
        "to": found.tool.value,
        "objects": list(found.objects),
        "leftOut": list(found.left_out),
        "targets": [
            {
                "target": str(one.key),
                "fields": [
                    {
                        "file": told.where,
                        "line": told.line,
                        "path": told.fate.path,
                        "to": told.fate.to or None,
                        "because": told.fate.because or None,
                    }
                    for told in one.told
                ],
            }
            for one in found.targets
        ],
    }
