"""`desired-state/<environment>/<application>/application.yaml`: one target."""

import enum
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler import kinds
from reconciler.model import targets
from reconciler.settings import base, expressions, rendered, shared, values

FILE = "application.yaml"


class StrategyType(enum.Enum):
    """How a new version replaces the running one."""

    ROLLING = "rolling"


class ManifestsSource(base.Settings):
    """Plain YAML or JSON files: all `*.yaml`, `*.yml` and `*.json` below a folder."""

    path: values.RepositoryPath = Field(
        default="manifests",
        description="The folder, from the application's folder; with a leading `/` from the repository's root. The"
        " default keeps `application.yaml` itself out of it.",
    )
    exclude: Annotated[tuple[values.PathPattern, ...], Field(max_length=100)] = Field(
        default=(),
        description="Files below it that are no manifests: `*.json` fits at any depth, `ci/*.yaml` from the folder on,"
        " `**` stands for any folders. Everything else must be a manifest: what cannot be read as one is refused.",
        examples=["[values.yaml, .github]"],
    )
    substitute: values.Flag = Field(
        default=False,
        description="Whether `${NAME}` stands for a variable of `variables`, here or in `environment.yaml`; `$${NAME}`"
        " is the text `${NAME}`. A name that is not declared is refused with its line.",
    )


class ChartSource(base.Settings):
    """A Helm chart: of the same repository by `path`, or an archive of a chart repository."""

    path: values.RootPath | None = Field(
        default=None,
        description="The chart's folder: charts are shared, so they lie outside of the application's.",
        examples=["charts/web"],
    )
    repository: rendered.ChartPlace | None = Field(
        default=None,
        description="In place of `path`: the chart repository, one of `chartRepositories` on the daemon's disk. With"
        " `name`, `version` and `digest`.",
        examples=["https://charts.example.com/stable", "oci://registry.example.com/charts"],
    )
    name: rendered.ChartName | None = Field(default=None, description="Of the chart in `repository`.")
    version: rendered.ChartVersion | None = Field(
        default=None, description="Of the chart in `repository`: exactly one. A range is refused."
    )
    digest: rendered.Digest | None = Field(
        default=None,
        description="SHA-256 of the chart's archive. Left out, the application is held, and the reason says what to"
        " write: the same commit must mean the same chart for ever.",
    )
    release: values.Name | None = Field(
        default=None,
        description="Name of the Helm release. Left out: the application's name, so that objects are called alike in"
        " every environment.",
    )
    values_files: tuple[values.RepositoryPath, ...] = Field(
        default=(),
        description="Values files, later ones win; from the application's folder, with a leading `/` from the"
        " repository's root.",
    )
    inline_values: rendered.ChartValues = Field(
        default=b"{}",
        alias="values",
        description="Inline values; they win over the files. No secrets here: Git keeps them.",
    )


class KustomizeSource(base.Settings):
    """A kustomization of the same repository, built by the `kustomize` on the daemon's PATH."""

    path: values.RepositoryPath | None = Field(
        default=None,
        description="The folder with the `kustomization.yaml`, from the application's folder; with a leading `/` from"
        " the repository's root. Left out: the application's folder itself. Bases and components outside of both"
        " folders are named in `reads`.",
        examples=["overlays/production"],
    )
    substitute: values.Flag = Field(
        default=False,
        description="Whether `${NAME}` stands for a variable of `variables`, here or in `environment.yaml`; `$${NAME}`"
        " is the text `${NAME}`. A name that is not declared is refused with its line.",
    )


class Source(base.Settings):
    """Where the objects come from: one of `manifests`, `chart` and `kustomize`."""

    manifests: ManifestsSource | None = Field(default=None, description="Plain files.")
    chart: ChartSource | None = Field(default=None, description="A Helm chart.")
    kustomize: KustomizeSource | None = Field(default=None, description="A kustomization.")


class Strategy(base.Settings):
    """How a new version replaces the running one."""

    type: Annotated[
        StrategyType,
        values.choice(
            StrategyType,
            unsupported={
                "canary": "only rolling updates are there so far",
                "blue-green": "only rolling updates are there so far",
                "recreate": "only rolling updates are there so far",
            },
        ),
    ] = Field(
        default=StrategyType.ROLLING, description="`rolling`: by Kubernetes itself, as each workload's own fields say."
    )


class Probe(base.Settings):
    """An HTTP question asked while the release is observed."""

    url: values.HttpUrl = Field(description="Asked with GET.", examples=["http://web.production.svc/healthz"])
    statuses: Annotated[tuple[Annotated[int, values.whole(least=100, most=599)], ...], Field(min_length=1)] = Field(
        default=(200,), description="Answers that pass. Anything else is a failure."
    )
    interval: Annotated[float, values.duration(least="100ms", most="1h")] = Field(
        default=10.0, description="Between two questions. As Kubernetes' own probes."
    )
    timeout: Annotated[float, values.duration(least="100ms", most="5m")] = Field(
        default=5.0, description="For one answer. Slower than this is down for a person."
    )
    failures: Annotated[int, values.whole(least=1, most=1_000)] = Field(
        default=3, description="Consecutive failures that fail the release. As Kubernetes' own probes."
    )


class HealthCheck(base.Settings):
    """How the objects of one kind are judged, in place of what is known of the kind."""

    kind: values.Kind = Field(description="Of the objects: a custom resource.", examples=["Backup.example.com"])
    in_progress: expressions.Expression | None = Field(
        default=None, description="True while it is to be waited for. Asked first.", examples=["status.phase == 'New'"]
    )
    failed: expressions.Expression | None = Field(
        default=None, description="True when the release has failed. Asked second.", examples=["status.phase == 'Bad'"]
    )
    current: expressions.Expression = Field(
        description="True when it is healthy. Asked last; where none is true it is waited for.",
        examples=["status.phase == 'Done'"],
    )


class Verify(shared.VerifyOverride):
    """When a rollout of this application has succeeded."""

    health_checks: Annotated[tuple[HealthCheck, ...], Field(max_length=50)] = Field(
        default=(),
        description="CEL expressions over live objects, by kind. They may name `apiVersion`, `kind`, `metadata`,"
        " `spec`, `status` and `data`. One that fails when it is asked proves nothing: the rollout waits, and holds.",
    )

    probes: Annotated[tuple[Probe, ...], Field(max_length=50)] = Field(
        default=(), description="HTTP questions beside the health of the objects."
    )


class LeftFields(base.Settings):
    """Fields of some rendered objects."""

    kind: values.Kind = Field(description="Of the objects.", examples=["Secret"])
    name: rendered.ObjectPattern = Field(
        default="*", description="Of the objects; `web-*` stands for every name that begins with `web-`."
    )
    namespace: rendered.ObjectPattern = Field(default="*", description="Of the objects, in the same way.")
    fields: Annotated[tuple[rendered.FieldPath, ...], Field(min_length=1, max_length=100)] = Field(
        description="Paths, as plans show them, or JSON pointers; `*` stands for each key or item:"
        " `data.password`, `webhooks[*].clientConfig.caBundle`, `/spec/replicas`. A field stands for all below it.",
        examples=["[data.password]"],
    )


LeftList = Annotated[tuple[LeftFields, ...], Field(max_length=100)]


class Adopt(base.Settings):
    """Live objects that may be taken over although they were not made here."""

    makers: tuple[Annotated[targets.Maker, values.choice(targets.Maker)], ...] = Field(
        default=(),
        alias="from",
        description="Tools whose objects, told by their marks, may be taken over.",
        examples=["[helm, kubectl]"],
    )
    managers: tuple[values.Text, ...] = Field(
        default=(),
        description="Further field managers whose fields become ours, as `kubectl get --show-managed-fields` names"
        " them: for objects of scripts and other tools.",
        examples=["[terraform]"],
    )
    marks: Annotated[targets.Marks, values.choice(targets.Marks)] = Field(
        default=targets.Marks.REMOVE,
        description="What becomes of that tool's labels and annotations. Kept, the tool still takes the object for its"
        " own, and may prune it.",
    )


class Application(base.Settings):
    """The whole file."""

    api_version: shared.ApiVersion = Field(description="Of this shape.", examples=["reconciler.dev/v1"])
    kind: Annotated[str, values.exactly("Application")] = Field(description="Of this file.", examples=["Application"])
    namespace: values.Name | None = Field(
        default=None,
        description="For objects that name none; must be one that the environment allows. Left out: as"
        " `environment.yaml` says.",
    )
    state: Annotated[targets.State, values.choice(targets.State)] = Field(
        default=targets.State.PRESENT,
        description="`absent`: everything of it is deleted, within the prune limits. `orphaned`: everything of it stays"
        " and is ours no more. Only these take an application away; a folder that is deleted holds.",
    )
    source: Source = Field(
        default=Source(),
        description="Where the objects come from. Required while the application is `present`.",
        examples=["{manifests: {}}"],
    )
    adopt: Adopt = Field(
        default=Adopt(),
        description="Take over live objects that this application renders and another tool has made"
        " (docs/how-to/adopt.md).",
    )
    reads: tuple[values.RootPath, ...] = Field(
        default=(),
        description="Further paths whose change is a change of this application. The"
        " source's own paths are always read. What a kustomization refers to outside of them must be named here.",
    )
    depends_on: Annotated[tuple[values.Name, ...], Field(max_length=100)] = Field(
        default=(),
        description="Applications of the same environment that must be good with what they read at the same revision,"
        " and healthy, before a new revision comes here. A way back waits for none of them.",
        examples=["[database, queue]"],
    )
    strategy: Strategy = Field(default=Strategy(), description="How a new version replaces the running one.")
    verify: Verify = Field(default=Verify(), description="When a rollout has succeeded.")
    prune: shared.PruneOverride = Field(
        default=shared.PruneOverride(), description="A smaller limit than the environment's."
    )
    drift: shared.Drift | None = Field(default=None, description="`heal` or `warn`. Left out: as the environment says.")
    variables: rendered.Variables = Field(
        default=(),
        description="For sources with `substitute: true`; they win over those of `environment.yaml`. Text stays text:"
        ' write `3` for a number and `"3"` for text. No secrets here: Git keeps them.',
        examples=["{HOST: shop.example.com, REPLICAS: 3}"],
    )
    ignore: LeftList = Field(
        default=(),
        description="Fields that are not ours: they are rendered into an object that is yet to be made, and never"
        " compared or changed afterwards. What Argo CD calls `ignoreDifferences` with `RespectIgnoreDifferences`.",
    )
    keep_live: LeftList = Field(
        default=(),
        description="Fields that are made once: generated passwords, certificates. The rendered value is used where"
        " there is none, afterwards the live one is kept; a field that somebody takes away is made again.",
    )

    @classmethod
    def across(cls, raw: object) -> Iterator[base.Complaint]:
        source = base.inside(raw, "source")
        yield from _chart(base.inside(source, "chart"))
        given = [key for key in ("manifests", "chart", "kustomize") if base.inside(source, key) is not None]
        gone = base.inside(raw, "state") in (targets.State.ABSENT.value, targets.State.ORPHANED.value)
        if source is None and not gone:
            yield base.Complaint(("source",), "is required; add it, for example `source: {manifests: {}}`")
        if isinstance(source, dict) and len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "names no source"
            remedy = "write one of manifests: {}, chart: {path: …} and kustomize: {path: …}"
            yield base.Complaint(("source",), f"{found}; {remedy}")
        yield from _checks(base.inside(raw, "verify", "healthChecks"))
        substitutes = any(base.inside(source, key, "substitute") is True for key in ("manifests", "kustomize"))
        if base.inside(raw, "variables") and isinstance(source, dict) and not substitutes:
            remedy = "use its values" if "chart" in given else f"write substitute: true in source.{''.join(given)}"
            yield base.Complaint(("variables",), f"nothing here stands for them; {remedy}, or remove them")


def _checks(raw: object) -> Iterator[base.Complaint]:
    """Kinds with a rule that Kubernetes itself defines cannot be judged by less than that."""
    before: dict[object, int] = {}
    for index, check in enumerate(raw if isinstance(raw, list) else ()):
        kind = base.inside(check, "kind")
        at = ("verify", "healthChecks", index, "kind")
        if str(kind) in {str(known) for known in kinds.KINDS}:
            yield base.Complaint(at, f"{kind} has a rule that nothing replaces; remove the check")
        if isinstance(kind, str) and before.setdefault(kind, index) != index:
            yield base.Complaint(at, f"{kind} is judged by healthChecks[{before[kind]}] already; remove one of them")


def _chart(raw: object) -> Iterator[base.Complaint]:
    if not isinstance(raw, dict):
        return
    at = ("source", "chart")
    if ("path" in raw) == ("repository" in raw):
        found = "has both path and repository" if "path" in raw else "names no chart"
        yield base.Complaint(at, f"{found}; write either path, or repository with name, version and digest")
    for key in ("name", "version"):
        if "repository" in raw and key not in raw:
            yield base.Complaint((*at, key), "is required beside repository; add it")
    for key in ("name", "version", "digest"):
        if key in raw and "repository" not in raw:
            yield base.Complaint((*at, key), "belongs to a chart of a repository; remove it, or name the repository")
