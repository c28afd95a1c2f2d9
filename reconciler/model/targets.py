"""A target as the pipeline sees it: what Git says of it, tightened by what the daemon's own disk says."""

import enum
from dataclasses import dataclass, field

from reconciler.model import fields, ids

Variable = str | int | bool


@dataclass(frozen=True, slots=True)
class ManifestFolder:
    """Plain YAML files. `path` is relative to the repository's root; every `*.yaml`, `*.yml`, `*.json` below it."""

    path: str
    exclude: tuple[str, ...] = ()
    """Patterns of paths below it that hold no manifests (`render/folder.py`)."""
    substitute: bool = False
    """Whether `${NAME}` stands for a variable."""


@dataclass(frozen=True, slots=True)
class ChartArchive:
    """A packed chart of a chart repository. `digest` is `sha256:…` of the archive; '' where nobody wrote it yet."""

    repository: str
    """`https://…` (with an index.yaml) or `oci://…`, without a slash at the end."""
    name: str
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} of {self.repository}"


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart in the same repository, or in an archive."""

    path: str
    """From the repository's root; of an archive, what its files are called in messages: `web-1.2.3.tgz`."""
    release: str
    values_files: tuple[str, ...]
    """Paths from the repository's root; later ones win."""
    values: bytes
    """Inline values as canonical JSON; they win over the files."""
    archive: ChartArchive | None = None


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A folder of the repository with a kustomization file. What it refers to lies among the target's inputs."""

    path: str
    substitute: bool = False
    """Whether `${NAME}` stands for a variable in what it builds."""


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """An HTTP question asked while the target is observed. Times in seconds."""

    url: str
    statuses: tuple[int, ...]
    interval: float
    timeout: float
    failures: int
    """Consecutive failures that fail the release."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How objects of one kind are judged, in CEL over the live object. Asked in this order; '' is not asked."""

    kind: ids.KindKey
    current: str
    in_progress: str = ""
    failed: str = ""
    place: str = field(compare=False, default="")
    """Where Git says so, for complaints: `desired-state/production/web/application.yaml:7: verify.healthChecks[0]`."""

    @property
    def expressions(self) -> tuple[str, str, str]:
        return self.in_progress, self.failed, self.current


@dataclass(frozen=True, slots=True)
class Verification:
    """When a rollout has succeeded. Times in seconds."""

    progress_deadline: float
    observe: float
    restarts: int
    """Restarts of one container, with an exit of the application, that fail the release."""
    probes: tuple[HttpProbe, ...]
    checks: tuple[HealthCheck, ...] = ()

    def check_of(self, kind: ids.KindKey) -> HealthCheck | None:
        """The check for objects of that kind."""
        return next((check for check in self.checks if check.kind == kind), None)


class GitPolicy(enum.Enum):
    """How Git is made to tell the truth after a failed release."""

    PUSH = "push"
    PIN = "pin"


class FirstFailure(enum.Enum):
    """What becomes of a first deployment that failed, with no last good to return to."""

    LEAVE = "leave"
    SCALE_DOWN = "scale-down"


class DriftMode(enum.Enum):
    HEAL = "heal"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class PruneLimit:
    """A plan that prunes more than either waits for `reconciler confirm`."""

    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class Confinement:
    """Where a target may write: checked on the rendered objects (I18)."""

    namespaces: tuple[str, ...]
    """Names; `*` at the end stands for any rest, a lone `*` for every namespace."""
    cluster_kinds: tuple[ids.KindKey, ...]
    """Cluster-scoped kinds it may own."""

    def allows(self, namespace: str) -> bool:
        return any(
            namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern
            for pattern in self.namespaces
        )


class State(enum.Enum):
    """Whether an application is wanted at all. Only this word takes one away (I6)."""

    PRESENT = "present"
    ABSENT = "absent"
    ORPHANED = "orphaned"


class Maker(enum.Enum):
    """Tools whose objects can be told by the marks that they leave."""

    KUBECTL = "kubectl"
    HELM = "helm"
    FLUX = "flux"
    ARGOCD = "argocd"


class Marks(enum.Enum):
    """What becomes of the marks of the tool that an object is taken over from."""

    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Whose objects may be taken over: those of tools, and those whose fields named managers set."""

    makers: tuple[Maker, ...] = ()
    managers: tuple[str, ...] = ()
    marks: Marks = Marks.REMOVE


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another application of the same environment that must be good first."""

    name: str
    place: str = field(compare=False, default="")
    """Where Git says so, for complaints: `desired-state/production/web/application.yaml:7: dependsOn[0]`."""


@dataclass(frozen=True, slots=True)
class Target:
    """All settings of one target at one revision. Times in seconds."""

    key: ids.TargetKey
    repository: str
    """Its name in the daemon's configuration."""
    folder: str
    """`desired-state/production/web`."""
    cluster: str
    namespace: str
    """Given to namespaced objects that name none."""
    source: ManifestFolder | Chart | Kustomization
    reads: tuple[str, ...]
    """Further paths of the repository that count as inputs, from its root."""
    confinement: Confinement
    verification: Verification
    prune: PruneLimit
    drift: DriftMode
    git: GitPolicy
    first_failure: FirstFailure
    max_lag: float
    """A newer commit pre-empts an observation only while last good is younger than this."""
    promotes_from: str = ""
    left: tuple[fields.Rule, ...] = ()
    """Fields that are left to the cluster."""
    depends_on: tuple[Dependency, ...] = ()
    variables: tuple[tuple[str, Variable], ...] = ()
    """By name; for sources that substitute."""
    state: State = State.PRESENT
    adopt: Adopt = Adopt()
