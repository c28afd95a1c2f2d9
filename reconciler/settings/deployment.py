"""`config/deployment-config.yaml`: what the daemon's own disk says, and no pull request can loosen."""

import posixpath
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler.model import targets
from reconciler.settings import base, charts, cluster, hints, impersonation, shared, trust, values

FILE = "deployment-config.yaml"
HTTPS_ONLY = ("usernameFile", "passwordFile", "caFile")
SSH_ONLY = ("privateKeyFile", "knownHostsFile", "passphraseFile")


class Author(base.Settings):
    """Who the revert commits of a repository are by."""

    name: values.Text = Field(
        default="reconciler", description="Shown by `git log`. The default says it was no person."
    )
    email: values.Text = Field(
        default="reconciler@noreply.invalid",
        description="The default can reach nobody: an address of your domain lets the host link the commits.",
    )


class Credentials(base.Settings):
    """Files, never values: settings get copied into tickets and logs."""

    username_file: values.DiskPath | None = Field(
        default=None,
        description="File with the user name. Left out: `git`, which hosts accept beside an access token.",
    )
    password_file: values.DiskPath | None = Field(
        default=None,
        description="File with the password or access token. Left out: anonymous, which cannot push.",
    )
    ca_file: values.DiskPath | None = Field(
        default=None,
        description="PEM file with the authorities to trust instead of the system's, for a host with a private one.",
    )
    private_key_file: values.DiskPath | None = Field(
        default=None,
        description="ssh: file with the private key, which nobody else may read (mode 600). No agent is asked.",
    )
    known_hosts_file: values.DiskPath | None = Field(
        default=None,
        description="ssh: file with the host's keys, as in ~/.ssh/known_hosts. No other host key is accepted, ever.",
    )
    passphrase_file: values.DiskPath | None = Field(
        default=None, description="ssh: file with the passphrase of the private key. Left out: the key has none."
    )


class Repository(base.Settings):
    """A desired-state repository at one ref."""

    url: values.Remote = Field(
        description="Where it is. https or ssh; a path or file:// URL of this machine only with `allowLocal`.",
        examples=["https://git.example.com/team/desired-state.git"],
    )
    ref: values.GitRef = Field(
        description="The one ref that is deployed, fully qualified: a tag named like the branch must not take its"
        " place. No default: deploying the wrong branch is worse than not starting.",
        examples=["refs/heads/main"],
    )
    poll: Annotated[float, values.duration(least="1s", most="1d")] = Field(
        default=values.MINUTE,
        description="Between two questions for the ref's commit. One small request a minute is what other reconcilers"
        " do (60 to 120 s) and far below every host's rate limit.",
    )
    timeout: Annotated[float, values.duration(least="1s", most="1h")] = Field(
        default=values.MINUTE,
        description="For one git command, after which its process group is killed. A silent address would hold git"
        " for 134 s; a first clone of a large repository may need more.",
    )
    allow_local: values.Flag = Field(
        default=False,
        description="Whether `url` may be a path of this machine. Off, because a local repository has no access"
        " control but the file system's.",
    )
    credentials: Credentials = Field(default=Credentials(), description="What the host is shown.")
    signatures: trust.Signatures = Field(
        default=trust.Signatures(), description="Whose commits are deployed: everybody's who may push, by default."
    )
    author: Author = Field(default=Author(), description="Who revert commits are by.")
    desired_state: values.RootPath = Field(
        default="desired-state", description="The folder with one folder per environment."
    )
    max_files: Annotated[int, values.whole(least=1, most=1_000_000)] = Field(
        default=5_000,
        description="Files that one target may read. Ten times what large charts have; bounds memory (I10).",
    )
    max_bytes: Annotated[int, values.size(least="1Ki", most="4Gi")] = Field(
        default=64 * values.MI,
        description="Bytes that one target may read. Large charts with their dashboards stay below a tenth (I10).",
    )

    @property
    def is_local(self) -> bool:
        return values.is_local(self.url)

    @property
    def is_ssh(self) -> bool:
        return values.is_ssh(self.url)

    @property
    def may_push(self) -> bool:
        """Whether there is anything to push with, and to sign with; what the host says to it, only a push can tell."""
        if self.signatures.required and not self.signatures.signing_key_file:
            return False
        return self.is_local or self.is_ssh or self.credentials.password_file is not None


class Revert(base.Settings):
    """What happens when a release fails."""

    git: (
        Annotated[
            targets.GitPolicy,
            values.choice(
                targets.GitPolicy,
                unsupported={"pull-request": "it needs the APIs of the Git hosts, which are still to come"},
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="`push` commits the revert, so that Git tells the truth again; `pin` holds the cluster at last"
        " good and leaves Git alone. Left out: `push` where the repository is local, is read over ssh or has a"
        " password file (and there is a key to sign with where signatures are required), else `pin`.",
    )
    first_deployment: Annotated[targets.FirstFailure, values.choice(targets.FirstFailure)] = Field(
        default=targets.FirstFailure.LEAVE,
        description="What becomes of a failed first deployment, which has no last good. `leave` keeps it for a person"
        " to look at (nothing was served before it); `scale-down` takes its pods away.",
    )


class Prune(base.Settings):
    """A plan that prunes more than either limit waits for `reconciler confirm`. Files in Git can only tighten it."""

    count: shared.Count = Field(
        default=10, description="Objects. A renaming touches a handful; a lost values file takes dozens."
    )
    percent: values.Percent = Field(
        default=50.0,
        description="Percent of the target's objects. Low enough to catch a folder moved away, high enough that a"
        " target of three objects may lose one.",
    )


class VerifyLimits(base.Settings):
    """How far files in Git may go: they cannot switch verification off."""

    observe: shared.Observe = Field(
        default=0.0,
        description="Shortest observation window. No lower bound by default, for fast cycles in development; set it"
        " where people depend on the environment.",
    )
    progress_deadline: shared.Deadline = Field(
        default=values.HOUR,
        description="Longest progress deadline. Six times the default: for slow starts, not for ever.",
    )
    restarts: shared.Restarts = Field(
        default=10, description="Most restarts. At ten, the kubelet's back-off has reached its 5 minutes."
    )


class Verify(base.Settings):
    """When a rollout has succeeded, unless a file in Git says otherwise within `limits`."""

    progress_deadline: shared.Deadline = Field(
        default=10 * values.MINUTE,
        description="Time without progress after which a rollout has failed. Kubernetes' own default for Deployments.",
    )
    observe: shared.Observe = Field(
        default=2 * values.MINUTE,
        description="How long everything must stay healthy before the release is good. Long enough for three restarts"
        " of a container that crashes at once (back-off 10 s, 20 s, 40 s).",
    )
    restarts: shared.Restarts = Field(
        default=3,
        description="Restarts of one container, with an exit of the application, that fail the release. One or two"
        " happen when a dependency starts late.",
    )
    limits: VerifyLimits = Field(default=VerifyLimits(), description="Bounds for what files in Git may say.")


class EnvironmentLimits(base.Settings):
    """An environment: where it runs, what it may touch, and what happens when a release fails there."""

    repository: values.Name = Field(description="One of `repositories`.")
    cluster: values.Name = Field(description="One of `clusters`.")
    namespaces: Annotated[tuple[values.NamespacePattern, ...], Field(min_length=1)] = Field(
        description="Namespaces its applications may write to; `web-*` stands for every name that begins with `web-`,"
        " `*` for all. No default: what is not listed is refused.",
        examples=["[paperless-production]"],
    )
    cluster_kinds: tuple[values.Kind, ...] = Field(
        default=(),
        description="Cluster-scoped kinds its applications may own: `Namespace`,"
        " `ClusterRole.rbac.authorization.k8s.io`. None by default, since they reach beyond the environment.",
    )
    impersonate: impersonation.Impersonate = Field(
        default=impersonation.Impersonate(),
        description="As whom the environment's objects are looked at and written, so that the API server confines it"
        " whatever Git says. Left out: with the daemon's own rights.",
    )
    decryption: trust.Decryption = Field(
        default=trust.Decryption(), description="What opens files that SOPS has encrypted."
    )
    revert: Revert = Field(default=Revert(), description="What happens when a release fails.")
    prune: Prune = Field(default=Prune(), description="Most that one plan may prune without a person.")
    drift: shared.Drift = Field(
        default=targets.DriftMode.HEAL,
        description="`heal` undoes changes made past Git at once; `warn` only reports them, and holds a release that is"
        " changed while it is observed. Files in Git may choose either.",
    )
    max_lag: Annotated[float, values.duration(least="0s", most="30d")] = Field(
        default=values.HOUR,
        description="A newer commit cuts an observation short only while last good is younger than this. Else it"
        " waits, so that last good advances however often people merge. What is held, or changed past"
        " Git meanwhile, proves nothing: it makes way at once.",
    )
    verify: Verify = Field(default=Verify(), description="When a rollout has succeeded, and how far Git may differ.")


class Timeouts(base.Settings):
    """For calls to the API server."""

    api: Annotated[float, values.duration(least="1s", most="10m")] = Field(
        default=30.0,
        description="For one call. Healthy servers answer within a second; their own limit is 60 s, and we name the"
        " failure before it.",
    )
    dry_run: Annotated[float, values.duration(least="1s", most="10m")] = Field(
        default=30.0, description="For one dry-run. Admission webhooks take up to 10 s each by default."
    )


class Render(base.Settings):
    """Limits of the box in which Helm runs (I9)."""

    timeout: Annotated[float, values.duration(least="1s", most="1h")] = Field(
        default=values.MINUTE, description="For one render, after which its process group is killed. Argo CD's default."
    )
    memory: Annotated[int, values.size(least="64Mi", most="64Gi")] = Field(
        default=values.GI, description="Of the box. A template that loops must not take the daemon with it."
    )
    output: Annotated[int, values.size(least="1Ki", most="1Gi")] = Field(
        default=32 * values.MI, description="Bytes of rendered text. The API server takes 1.5 MiB an object."
    )


class Metrics(base.Settings):
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    address: values.Address = Field(
        default="127.0.0.1:9090",
        description="host:port. This machine only by default: the page names every target. In a pod: `0.0.0.0:9090`.",
    )


class Deployment(base.Settings):
    """The whole file."""

    state_dir: values.DiskPath = Field(
        default="/var/lib/reconciler",
        description="Folder for the journal and the mirrors of the repositories. Must outlive the daemon: losing the"
        " journal stops automation until it is rebuilt.",
    )
    journal: values.FileName = Field(
        default="journal.db", description="The journal's file in `stateDir`: SQLite, on a local disk (locks)."
    )
    repositories: Annotated[dict[values.Name, Repository], Field(min_length=1)] = Field(
        description="Desired-state repositories by name."
    )
    clusters: Annotated[dict[values.Name, cluster.Cluster], Field(min_length=1)] = Field(
        description="Clusters by name."
    )
    environments: Annotated[dict[values.Name, EnvironmentLimits], Field(min_length=1)] = Field(
        description="Environments by name: the name is also that of the folder in Git."
    )
    chart_repositories: charts.ChartRepositories = Field(default=(), description=charts.MEANING)
    timeouts: Timeouts = Field(default=Timeouts(), description="For calls to the API server.")
    render: Render = Field(default=Render(), description="Limits of the box in which Helm runs.")
    metrics: Metrics = Field(default=Metrics(), description="Where the daemon tells how it is.")
    webhook: hints.Webhook | None = Field(
        default=None, description="Where Git hosts may hint that there is something new. Left out: it is polled only."
    )

    @property
    def sandboxed(self) -> bool:
        """Whether its clusters are sandboxes: all are, or none."""
        return any(cluster.sandbox for cluster in self.clusters.values())

    @property
    def journal_path(self) -> str:
        return posixpath.join(self.state_dir, self.journal)

    def git_policy(self, environment: str) -> targets.GitPolicy:
        """The revert policy of a configured environment, with the default worked out."""
        limits = self.environments[environment]
        if limits.revert.git is not None:
            return limits.revert.git
        return targets.GitPolicy.PUSH if self.repositories[limits.repository].may_push else targets.GitPolicy.PIN

    @classmethod
    def across(cls, raw: object) -> Iterator[base.Complaint]:
        for name in base.names(raw, "repositories"):
            yield from _repository(base.inside(raw, "repositories", name), name=name)
        yield from cluster.complaints(raw)
        for name in base.names(raw, "environments"):
            yield from _environment(raw, name=name)
        yield from charts.complaints(base.inside(raw, "chartRepositories"))


def _repository(raw: object, *, name: str) -> Iterator[base.Complaint]:
    at = ("repositories", name)
    url = base.inside(raw, "url")
    if isinstance(url, str) and values.is_local(url) and base.inside(raw, "allowLocal") is not True:
        yield base.Complaint((*at, "url"), "is a place on this machine; write allowLocal: true if that is meant")
    credentials = base.inside(raw, "credentials")
    if base.inside(credentials, "usernameFile") and not base.inside(credentials, "passwordFile"):
        yield base.Complaint((*at, "credentials"), "has a usernameFile and no passwordFile; add passwordFile")
    yield from trust.signature_complaints(base.inside(raw, "signatures"), at=at)
    over_ssh = isinstance(url, str) and values.is_ssh(url)
    for key in ("privateKeyFile", "knownHostsFile"):
        if over_ssh and not base.inside(credentials, key):
            yield base.Complaint((*at, "credentials"), f"has no {key}, which ssh needs; add {key}")
    for key in SSH_ONLY if isinstance(url, str) and not over_ssh else HTTPS_ONLY if over_ssh else ():
        if base.inside(credentials, key):
            scheme = "https" if over_ssh else "ssh"
            yield base.Complaint(
                (*at, "credentials", key), f"belongs to {scheme}; remove it, or write its URL with {scheme}"
            )


def _environment(raw: object, *, name: str) -> Iterator[base.Complaint]:
    at = ("environments", name)
    for key, known in (("repository", base.names(raw, "repositories")), ("cluster", base.names(raw, "clusters"))):
        wanted = base.inside(raw, "environments", name, key)
        if isinstance(wanted, str) and wanted not in known:
            plural = "repositories" if key == "repository" else "clusters"
            remedy = values.suggestion(wanted, known) or f"add it there, or write one of: {', '.join(known) or 'none'}"
            yield base.Complaint((*at, key), f"{values.quoted(wanted)} is none of {plural}; {remedy}")
    repository = base.inside(raw, "repositories", str(base.inside(raw, "environments", name, "repository")))
    url = base.inside(repository, "url")
    pushes = base.inside(raw, "environments", name, "revert", "git") == targets.GitPolicy.PUSH.value
    remote = isinstance(url, str) and not values.is_local(url) and not values.is_ssh(url)
    if pushes and remote and base.inside(repository, "credentials", "passwordFile") is None:
        yield base.Complaint(
            (*at, "revert", "git"),
            "is push, but its repository has no password to push with; add credentials.passwordFile, or write pin",
        )
    if pushes and not trust.may_sign(repository):
        yield base.Complaint(
            (*at, "revert", "git"),
            "is push, but its repository requires signatures and there is no key to sign with; add"
            " signatures.signingKeyFile, or write pin",
        )
    impersonated = base.inside(raw, "environments", name, "impersonate")
    if impersonated is not None:
        yield from impersonation.complaints(impersonated, at=(*at, "impersonate"))
    yield from _defaults_within_limits(base.inside(raw, "environments", name, "verify"), at=(*at, "verify"))


def _defaults_within_limits(raw: object, *, at: base.Path) -> Iterator[base.Complaint]:
    """A default outside its own limit would refuse every application that says nothing about it."""
    try:
        verify = Verify.model_validate(raw) if isinstance(raw, dict) else Verify()
    except ValueError:  # complained about already, field by field
        return
    limits = verify.limits
    if verify.observe < limits.observe:
        yield base.Complaint((*at, "observe"), _outside(verify.observe, "less", limits.observe))
    if verify.progress_deadline > limits.progress_deadline:
        yield base.Complaint(
            (*at, "progressDeadline"), _outside(verify.progress_deadline, "more", limits.progress_deadline)
        )
    if verify.restarts > limits.restarts:
        yield base.Complaint(
            (*at, "restarts"), f"{verify.restarts} is more than limits.restarts, {limits.restarts}; change one of them"
        )


def _outside(value: float, word: str, limit: float) -> str:
    return f"{values.in_words(value)} is {word} than its limit, {values.in_words(limit)}; change one of them"
