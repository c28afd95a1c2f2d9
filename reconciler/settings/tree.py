"""All settings files of a checkout, looked at together: what `reconciler config check` reports."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from reconciler import errors
from reconciler.model import ids, targets
from reconciler.settings import application as application_file
from reconciler.settings import base, dependencies, loading, resolve
from reconciler.settings import deployment as deployment_file
from reconciler.settings import environment as environment_file

Model = TypeVar("Model", bound=base.Settings)


Text = bytes | errors.InvalidInput
"""A file's content, or why there is none."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One environment's folder: the texts of its files, applications by the names of their folders."""

    environment: Text
    applications: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Tree:
    """The texts of all settings files. `config` and `desired_state` name the two folders in complaints."""

    config: str
    deployment: Text
    desired_state: str
    folders: Mapping[str, Folder]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. `problems` are sentences with file, line, field and remedy."""

    environments: int
    applications: int
    problems: tuple[str, ...]


Exists = Callable[[str, str], bool]
"""Of a path and the repository's `desiredState`, both from its root: whether the path is there, as far as known."""


def check(tree: Tree, *, exists: Exists) -> CheckReport:
    """Every complaint about every file."""
    return _Check(tree, exists=exists).report()


class _Check:
    """One check: collects complaints on the way through the files."""

    def __init__(self, tree: Tree, *, exists: Exists) -> None:
        self.tree = tree
        self.exists = exists
        self.problems: list[str] = []

    def report(self) -> CheckReport:
        tree = self.tree
        deployment = self.load(
            deployment_file.Deployment, tree.deployment, where=f"{tree.config}/{deployment_file.FILE}"
        )
        environments: dict[str, environment_file.Environment] = {}
        for name, folder in tree.folders.items():
            where = f"{tree.desired_state}/{name}/{environment_file.FILE}"
            environment = self.load(environment_file.Environment, folder.environment, where=where)
            if environment is not None:
                environments[name] = environment
            applications: dict[str, application_file.Application] = {}
            for application_name, text in folder.applications.items():
                where = f"{tree.desired_state}/{name}/{application_name}/{application_file.FILE}"
                application = self.load(application_file.Application, text, where=where)
                if application is not None:
                    applications[application_name] = application
                if deployment is not None and environment is not None and application is not None:
                    key = ids.TargetKey(name, application_name)
                    self.resolve(deployment, key=key, application=application, environment=environment)
            self.problems += _dependencies(applications, names=folder.applications)
        if deployment is not None:
            self.problems += _folders_missing(deployment, tree=tree)
        self.problems += _cycles(environments)
        count = sum(len(folder.applications) for folder in tree.folders.values())
        return CheckReport(len(tree.folders), count, tuple(dict.fromkeys(self.problems)))

    def load(self, model: type[Model], text: Text, *, where: str) -> Model | None:
        if isinstance(text, errors.InvalidInput):
            self.problems += text.problems
            return None
        try:
            return loading.load(model, text, where=where)
        except errors.InvalidInput as error:
            self.problems += error.problems
            return None

    def resolve(
        self,
        deployment: deployment_file.Deployment,
        *,
        key: ids.TargetKey,
        application: application_file.Application,
        environment: environment_file.Environment,
    ) -> None:
        limits = deployment.environments.get(key.environment)
        prefix = deployment.repositories[limits.repository].desired_state if limits else ""
        folder = f"{prefix}/{key.environment}/{key.application}"
        try:
            target = resolve.resolve(
                deployment, key=key, folder=folder, application=application, environment=environment
            )
        except errors.InvalidInput as error:
            self.problems += error.problems
            return
        for at, path in _paths(target):
            if not self.exists(path, prefix):
                text = f"{path} is not in the repository; correct the path, or add it"
                self.problems.append(application.origin.sentence(base.Complaint(at, text)))


def _paths(target: targets.Target) -> Iterator[tuple[base.Path, str]]:
    """Every path that a target reads, and where its application.yaml says so."""
    match target.source:
        case targets.ManifestFolder(path=path):
            yield ("source", "manifests", "path"), path
        case targets.Chart(path=path, values_files=files, archive=archive):
            if archive is None:
                yield ("source", "chart", "path"), f"{path}/Chart.yaml"
            yield from ((("source", "chart", "valuesFiles", index), file) for index, file in enumerate(files))
        case targets.Kustomization(path=path):
            yield ("source", "kustomize", "path"), path
    yield from ((("reads", index), path) for index, path in enumerate(target.reads))


def _folders_missing(deployment: deployment_file.Deployment, *, tree: Tree) -> Iterator[str]:
    """Environments without a folder. Only told when one repository holds all of them: else the others hold theirs."""
    if len({limits.repository for limits in deployment.environments.values()}) != 1:
        return
    for name in deployment.environments:
        if name not in tree.folders:
            text = f"there is no folder {tree.desired_state}/{name}; add it with an {environment_file.FILE}"
            yield deployment.origin.sentence(base.Complaint(("environments", name), text))


def _dependencies(applications: Mapping[str, application_file.Application], *, names: Iterable[str]) -> Iterator[str]:
    """Applications that depend on what is not there, or on themselves by way of others. `names` has also those whose
    file cannot be read."""
    depends = {name: applications[name].depends_on if name in applications else () for name in names}
    for name, application in applications.items():
        for index, text in dependencies.wrong(name, depends):
            yield application.origin.sentence(base.Complaint(("dependsOn", index), text))


def _cycles(environments: Mapping[str, environment_file.Environment]) -> Iterator[str]:
    """Environments that promote from each other in a circle: nothing would ever come in."""
    for name, environment in environments.items():
        seen, before = [name], environment.promotes_from
        while before is not None and before in environments and before not in seen:
            seen.append(before)
            before = environments[before].promotes_from
        if before == name and len(seen) > 1:
            chain = " ← ".join([*seen, name])
            text = f"the environments promote in a circle: {chain}; remove one of these lines"
            yield environment.origin.sentence(base.Complaint(("promotesFrom",), text))
