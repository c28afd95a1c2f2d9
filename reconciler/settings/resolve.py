"""Three files → one target: the disk's defaults and limits, the environment's, the application's.

Where a setting guards something (prune, namespaces, cluster-scoped kinds, bounds of the verification), a file in Git
can only tighten it: a pull request cannot loosen what guards it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler import errors
from reconciler.model import fields, ids, targets
from reconciler.settings import application as application_file
from reconciler.settings import base, values
from reconciler.settings import deployment as deployment_file
from reconciler.settings import environment as environment_file


def resolve(
    deployment: deployment_file.Deployment,
    *,
    key: ids.TargetKey,
    folder: str,
    application: application_file.Application,
    environment: environment_file.Environment,
) -> targets.Target:
    """All settings of one target. `folder` is the application's, from the repository's root.

    Raises `errors.InvalidInput` with every place where the files do not fit each other; each complaint names both.
    """
    limits = deployment.environments.get(key.environment)
    if limits is None:
        known = ", ".join(deployment.environments)
        raise errors.InvalidInput(
            (
                f"{environment.origin.place(())}: the folder {key.environment!r} is no environment of"
                f" {deployment.origin.where} (known: {known}); add it there, or rename the folder",
            )
        )
    merge = _Merge(deployment, limits, key=key, folder=folder, application=application, environment=environment)
    target = merge.target()
    if merge.problems:
        raise errors.InvalidInput(tuple(merge.problems))
    return target


@dataclass(frozen=True, slots=True)
class _Limit:
    """A number that deeper files may only tighten, and the place that says it."""

    value: float
    place: str


class _Merge:
    """One merge: collects every problem on the way, so that all of them are told at once."""

    def __init__(
        self,
        deployment: deployment_file.Deployment,
        limits: deployment_file.EnvironmentLimits,
        *,
        key: ids.TargetKey,
        folder: str,
        application: application_file.Application,
        environment: environment_file.Environment,
    ) -> None:
        self.deployment = deployment
        self.limits = limits
        self.key = key
        self.folder = folder
        self.application = application
        self.environment = environment
        self.problems: list[str] = []

    def target(self) -> targets.Target:
        if not re.fullmatch(values.NAME, self.key.application):
            text = f"the folder {self.key.application!r} is no name; rename it: a-z, 0-9 and - (63 at most)"
            self.complain(self.application, (), text)
        confinement = self.confinement()
        return targets.Target(
            key=self.key,
            repository=self.limits.repository,
            folder=self.folder,
            cluster=self.limits.cluster,
            namespace=self.namespace(confinement.namespaces),
            source=self.source(),
            reads=self.application.reads,
            confinement=confinement,
            verification=self.verification(),
            prune=self.prune(),
            drift=self.application.drift or self.environment.drift or self.limits.drift,
            git=self.deployment.git_policy(self.key.environment),
            first_failure=self.limits.revert.first_deployment,
            max_lag=self.limits.max_lag,
            promotes_from=self.promotes_from(),
            state=self.application.state,
            adopt=targets.Adopt(
                self.application.adopt.makers, self.application.adopt.managers, self.application.adopt.marks
            ),
            left=(*_left(self.application.ignore, "ignore"), *_left(self.application.keep_live, "keepLive")),
            depends_on=self.depends_on(),
            variables=tuple(sorted({**dict(self.environment.variables), **dict(self.application.variables)}.items())),
        )

    def complain(self, settings: base.Settings, at: base.Path, text: str) -> None:
        self.problems.append(settings.origin.sentence(base.Complaint(at, text)))

    def disk_place(self, *at: str) -> str:
        """`config/deployment-config.yaml:31 (environments.production.prune.count)`."""
        path = ("environments", self.key.environment, *at)
        return f"{self.deployment.origin.place(path)} ({base.dotted(path)})"

    # --- where it may write

    def confinement(self) -> targets.Confinement:
        namespaces, kinds = self.limits.namespaces, self.limits.cluster_kinds
        place = self.disk_place("namespaces")
        for index, pattern in enumerate(self.environment.namespaces or ()):
            if not allowed(pattern, namespaces):
                text = f"{pattern!r} is not among {', '.join(namespaces)} of {place}; remove it, or allow it there"
                self.complain(self.environment, ("namespaces", index), text)
        place = self.disk_place("clusterKinds")
        for index, kind in enumerate(self.environment.cluster_kinds or ()):
            if kind not in kinds:
                text = f"'{kind}' is not among those of {place}; remove it, or allow it there"
                self.complain(self.environment, ("clusterKinds", index), text)
        return targets.Confinement(
            namespaces if self.environment.namespaces is None else self.environment.namespaces,
            kinds if self.environment.cluster_kinds is None else self.environment.cluster_kinds,
        )

    def namespace(self, patterns: tuple[str, ...]) -> str:
        said_by: base.Settings = self.application if self.application.namespace else self.environment
        name = self.application.namespace or self.environment.namespace
        if name is None and self.application.state is not targets.State.PRESENT:
            return ""
        if name is None:
            where = self.environment.origin.where
            self.complain(self.application, ("namespace",), f"is required, since {where} gives none; add it")
            return ""
        if not allowed(name, patterns):
            narrowed = self.environment.namespaces is not None
            place = self.environment.origin.place(("namespaces",)) if narrowed else self.disk_place("namespaces")
            text = f"{name!r} is not among {', '.join(patterns)} of {place}; write one of them, or allow it there"
            self.complain(said_by, ("namespace",), text)
        return name

    def promotes_from(self) -> str:
        wanted = self.environment.promotes_from
        if wanted is None:
            return ""
        if wanted == self.key.environment:
            self.complain(self.environment, ("promotesFrom",), "is the environment itself; name the one before it")
        elif wanted not in self.deployment.environments:
            remedy = values.suggestion(wanted, self.deployment.environments) or "add it there, or remove the line"
            text = f"{wanted!r} is no environment of {self.deployment.origin.where}; {remedy}"
            self.complain(self.environment, ("promotesFrom",), text)
        return wanted

    def depends_on(self) -> tuple[targets.Dependency, ...]:
        """Whether the names are there is not known here: that takes the whole environment (`dependencies.py`)."""
        origin, names = self.application.origin, dict.fromkeys(self.application.depends_on)
        places = (("dependsOn", self.application.depends_on.index(name)) for name in names)
        return tuple(
            targets.Dependency(name, f"{origin.place(at)}: {base.dotted(at)}")
            for name, at in zip(names, places, strict=True)
        )

    # --- what it is made of

    def source(self) -> targets.ManifestFolder | targets.Chart | targets.Kustomization:
        chart, manifests = self.application.source.chart, self.application.source.manifests
        kustomize = self.application.source.kustomize
        if chart is not None:
            archive = None
            if chart.repository:
                name, version = chart.name or "", chart.version or ""  # `across` has seen to that
                archive = targets.ChartArchive(chart.repository, name, version, chart.digest or "")
            return targets.Chart(
                path=f"{archive.name}-{archive.version}.tgz" if archive else chart.path or "",
                archive=archive,
                release=chart.release or self.key.application,
                values_files=tuple(self.from_folder(path) for path in chart.values_files),
                values=chart.inline_values,
            )
        if kustomize is not None:
            path = self.from_folder(kustomize.path) if kustomize.path else self.folder
            return targets.Kustomization(path, kustomize.substitute)
        plain = manifests or application_file.ManifestsSource()
        path = self.from_folder(plain.path)
        if f"{self.folder}/".startswith(f"{path}/"):
            text = f"{path} holds application.yaml itself; move the manifests into a folder of their own"
            self.complain(self.application, ("source", "manifests", "path"), text)
        return targets.ManifestFolder(path, plain.exclude, plain.substitute)

    def from_folder(self, path: str) -> str:
        """From the application's folder, unless a leading slash says: from the repository's root."""
        return path[1:] if path.startswith("/") else f"{self.folder}/{path}"

    # --- numbers

    def prune(self) -> targets.PruneLimit:
        return targets.PruneLimit(
            count=int(
                self.tightened(
                    _Limit(self.limits.prune.count, self.disk_place("prune", "count")),
                    said=(
                        (self.environment, self.environment.prune.count),
                        (self.application, self.application.prune.count),
                    ),
                    at=("prune", "count"),
                    show=lambda value: f"{value:g}",
                )
            ),
            percent=self.tightened(
                _Limit(self.limits.prune.percent, self.disk_place("prune", "percent")),
                said=(
                    (self.environment, self.environment.prune.percent),
                    (self.application, self.application.prune.percent),
                ),
                at=("prune", "percent"),
                show=lambda value: f"{value:g}%",
            ),
        )

    def tightened(
        self,
        limit: _Limit,
        *,
        said: Iterable[tuple[base.Settings, float | None]],
        at: base.Path,
        show: Callable[[float], str],
    ) -> float:
        """The smallest number, level by level; a level that says more than the one above is complained about."""
        for settings, value in said:
            if value is None:
                continue
            if value > limit.value:
                text = (
                    f"{show(value)} is more than the {show(limit.value)} of {limit.place};"
                    f" write at most {show(limit.value)}, or raise it there"
                )
                self.complain(settings, at, text)
            else:
                limit = _Limit(value, settings.origin.place(at))
        return limit.value

    def verification(self) -> targets.Verification:
        default, limits = self.limits.verify, self.limits.verify.limits
        own, outer = self.application.verify, self.environment.verify
        for settings, verify in ((self.environment, outer), (self.application, own)):
            if verify.observe is not None and verify.observe < limits.observe:
                self.out_of_bounds(settings, "observe", found=verify.observe, bound=limits.observe, least=True)
            if verify.progress_deadline is not None and verify.progress_deadline > limits.progress_deadline:
                self.out_of_bounds(
                    settings, "progressDeadline", found=verify.progress_deadline, bound=limits.progress_deadline
                )
            if verify.restarts is not None and verify.restarts > limits.restarts:
                self.out_of_bounds(settings, "restarts", found=verify.restarts, bound=limits.restarts)
        return targets.Verification(
            progress_deadline=_first(own.progress_deadline, outer.progress_deadline, default.progress_deadline),
            observe=_first(own.observe, outer.observe, default.observe),
            restarts=int(_first(own.restarts, outer.restarts, default.restarts)),
            probes=tuple(
                targets.HttpProbe(probe.url, probe.statuses, probe.interval, probe.timeout, probe.failures)
                for probe in own.probes
            ),
            checks=tuple(self.health_check(index, check) for index, check in enumerate(own.health_checks)),
        )

    def health_check(self, index: int, check: application_file.HealthCheck) -> targets.HealthCheck:
        at = ("verify", "healthChecks", index)
        place = f"{self.application.origin.place(at)}: {base.dotted(at)}"
        return targets.HealthCheck(check.kind, check.current, check.in_progress or "", check.failed or "", place)

    def out_of_bounds(
        self, settings: base.Settings, field: str, *, found: float, bound: float, least: bool = False
    ) -> None:
        show = str if field == "restarts" else values.in_words
        place = self.disk_place("verify", "limits", field)
        text = (
            f"{show(found)} is {'less' if least else 'more'} than the {show(bound)} of {place};"
            f" write at {'least' if least else 'most'} {show(bound)}, or change it there"
        )
        self.complain(settings, ("verify", field), text)


def allowed(name: str, patterns: Iterable[str]) -> bool:
    """Whether a namespace, or a pattern of namespaces, lies wholly within one of the patterns."""
    return any(name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns)


def _left(said: Iterable[application_file.LeftFields], key: str) -> Iterable[fields.Rule]:
    """The `stringData` of a Secret is rendered as its `data`."""
    for place, one in enumerate(said):
        for index, said_path in enumerate(one.fields):
            as_text = one.kind == ids.KindKey("", "Secret") and said_path[0] == "stringData"
            path = ("data", *said_path[1:]) if as_text else said_path
            where = f"{key}[{place}].fields[{index}]"
            yield fields.Rule(one.kind, one.name, one.namespace, path, key == "keepLive", where)


def _first(*said: float | None) -> float:
    """The deepest file's word. The last one, the disk's, is never None."""
    return next(value for value in said if value is not None)
