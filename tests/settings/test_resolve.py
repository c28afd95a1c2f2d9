"""Three files → one target; a file in Git can tighten what guards it, never loosen it."""

import pytest

from reconciler import errors
from reconciler.model import fields, ids, targets
from reconciler.settings import application, deployment, environment, loading, resolve

DISK = """\
repositories:
  main:
    url: https://git.example.com/team/state.git
    ref: refs/heads/main
clusters:
  main: {inCluster: true}
environments:
  staging: {repository: main, cluster: main, namespaces: ['*']}
  production:
    repository: main
    cluster: main
    namespaces: [web, 'web-*']
    clusterKinds: [Namespace, ClusterRole.rbac.authorization.k8s.io]
    prune: {count: 10, percent: 40%}
    verify:
      observe: 2m
      limits: {observe: 30s, progressDeadline: 20m, restarts: 5}
"""
ENVIRONMENT = "apiVersion: reconciler.dev/v1\nkind: Environment\n"
APPLICATION = "apiVersion: reconciler.dev/v1\nkind: Application\n"
PLAIN = APPLICATION + "namespace: web\nsource: {manifests: {}}\n"
FOLDER = "desired-state/production/shop"


def resolved(
    own: str = PLAIN, *, outer: str = ENVIRONMENT, disk: str = DISK, name: str = "production/shop"
) -> targets.Target:
    return resolve.resolve(
        loading.load(deployment.Deployment, disk, where="config/deployment-config.yaml"),
        key=ids.TargetKey.parse(name),
        folder=FOLDER,
        application=loading.load(application.Application, own, where=f"{FOLDER}/application.yaml"),
        environment=loading.load(environment.Environment, outer, where="desired-state/production/environment.yaml"),
    )


def test_everything_left_out_comes_from_the_disk() -> None:
    assert resolved() == targets.Target(
        key=ids.TargetKey("production", "shop"),
        repository="main",
        folder=FOLDER,
        cluster="main",
        namespace="web",
        source=targets.ManifestFolder(f"{FOLDER}/manifests"),
        reads=(),
        confinement=targets.Confinement(
            namespaces=("web", "web-*"),
            cluster_kinds=(ids.KindKey("", "Namespace"), ids.KindKey("rbac.authorization.k8s.io", "ClusterRole")),
        ),
        verification=targets.Verification(progress_deadline=600.0, observe=120.0, restarts=3, probes=()),
        prune=targets.PruneLimit(count=10, percent=40.0),
        drift=targets.DriftMode.HEAL,
        git=targets.GitPolicy.PIN,
        first_failure=targets.FirstFailure.LEAVE,
        max_lag=3600.0,
        promotes_from="",
    )


def test_the_deeper_file_wins() -> None:
    outer = ENVIRONMENT + (
        "promotesFrom: staging\nnamespace: web\nnamespaces: ['web*']\nclusterKinds: []\n"
        "verify: {observe: 1m, progressDeadline: 5m, restarts: 2}\nprune: {count: 8, percent: 30%}\ndrift: warn\n"
    ).replace("namespaces: ['web*']", "namespaces: [web, web-a]")
    own = APPLICATION + (
        "source: {manifests: {path: /bases/shop}}\nreads: [bases/common, /schemas/a.json]\n"
        "verify:\n  observe: 90s\n  probes: [{url: 'http://shop.web/healthz', statuses: [200, 204], timeout: 1s}]\n"
        "prune: {percent: 20%}\ndrift: heal\n"
    )
    target = resolved(own, outer=outer)
    assert (target.namespace, target.promotes_from, target.drift) == ("web", "staging", targets.DriftMode.HEAL)
    assert target.source == targets.ManifestFolder("bases/shop")
    assert target.reads == ("bases/common", "schemas/a.json")
    assert target.confinement == targets.Confinement(("web", "web-a"), ())
    assert target.prune == targets.PruneLimit(count=8, percent=20.0)
    assert target.verification == targets.Verification(
        progress_deadline=300.0,
        observe=90.0,
        restarts=2,
        probes=(targets.HttpProbe("http://shop.web/healthz", (200, 204), interval=10.0, timeout=1.0, failures=3),),
    )


def test_a_chart() -> None:
    own = APPLICATION + (
        "namespace: web\nsource:\n  chart:\n    path: charts/shop\n"
        "    valuesFiles: [values.yaml, /charts/shop/big.yaml]\n"
        "    values: {replicas: 3, image: {tag: v2}}\n"
    )
    assert resolved(own).source == targets.Chart(
        path="charts/shop",
        release="shop",
        values_files=(f"{FOLDER}/values.yaml", "charts/shop/big.yaml"),
        values=b'{"image":{"tag":"v2"},"replicas":3}',
    )
    named = resolved(own.replace("path: charts/shop", "path: charts/shop\n    release: old-shop")).source
    assert isinstance(named, targets.Chart)
    assert named.release == "old-shop"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("{}", FOLDER),
        ("{path: overlays/production}", f"{FOLDER}/overlays/production"),
        ("{path: /apps/shop/production}", "apps/shop/production"),
    ],
)
def test_a_kustomization(said: str, path: str) -> None:
    own = APPLICATION + f"namespace: web\nsource: {{kustomize: {said}}}\n"
    assert resolved(own).source == targets.Kustomization(path)


WITH_PASSWORD = DISK.replace("refs/heads/main\n", "refs/heads/main\n    credentials: {passwordFile: /p}\n")
LOCAL = DISK.replace("url: https://git.example.com/team/state.git", "url: /srv/state.git\n    allowLocal: true")


@pytest.mark.parametrize(
    ("disk", "policy"),
    [
        (DISK, targets.GitPolicy.PIN),  # nothing to push with
        (WITH_PASSWORD, targets.GitPolicy.PUSH),
        (LOCAL, targets.GitPolicy.PUSH),
        (WITH_PASSWORD.replace("    prune:", "    revert: {git: pin}\n    prune:"), targets.GitPolicy.PIN),
    ],
)
def test_git_is_told_the_truth_where_that_is_possible(disk: str, policy: targets.GitPolicy) -> None:
    assert resolved(disk=disk).git is policy


OWN, OUTER, DISK_FILE = (
    f"{FOLDER}/application.yaml",
    "desired-state/production/environment.yaml",
    "config/deployment-config.yaml",
)
LOOSENED = [
    (
        PLAIN + "prune: {count: 20, percent: 50%}\n",
        ENVIRONMENT,
        [
            f"{OWN}:5: prune.count: 20 is more than the 10 of {DISK_FILE}:14 (environments.production.prune.count);"
            " write at most 10, or raise it there",
            f"{OWN}:5: prune.percent: 50% is more than the 40% of {DISK_FILE}:14"
            " (environments.production.prune.percent); write at most 40%, or raise it there",
        ],
    ),
    (
        PLAIN + "prune: {count: 5}\n",
        ENVIRONMENT + "prune: {count: 4}\n",
        [f"{OWN}:5: prune.count: 5 is more than the 4 of {OUTER}:3; write at most 4, or raise it there"],
    ),
    (
        PLAIN.replace("namespace: web", "namespace: kube-system"),
        ENVIRONMENT,
        [
            f"{OWN}:3: namespace: 'kube-system' is not among web, web-* of {DISK_FILE}:12"
            " (environments.production.namespaces); write one of them, or allow it there"
        ],
    ),
    (
        PLAIN.replace("namespace: web", "namespace: web-b"),
        ENVIRONMENT + "namespaces: [web-a]\n",
        [f"{OWN}:3: namespace: 'web-b' is not among web-a of {OUTER}:3; write one of them, or allow it there"],
    ),
    (
        PLAIN.replace("namespace: web\n", ""),
        ENVIRONMENT,
        [f"{OWN}:1: namespace: is required, since {OUTER} gives none; add it"],
    ),
    (
        PLAIN,
        ENVIRONMENT + "namespaces: [web, 'web*', '*', web-a]\nclusterKinds: [Namespace, ClusterRole]\n",
        [
            f"{OUTER}:3: namespaces[1]: 'web*' is not among web, web-* of {DISK_FILE}:12"
            " (environments.production.namespaces); remove it, or allow it there",
            f"{OUTER}:3: namespaces[2]: '*' is not among web, web-* of {DISK_FILE}:12"
            " (environments.production.namespaces); remove it, or allow it there",
            f"{OUTER}:4: clusterKinds[1]: 'ClusterRole' is not among those of {DISK_FILE}:13"
            " (environments.production.clusterKinds); remove it, or allow it there",
        ],
    ),
    (
        PLAIN + "verify: {observe: 0s, restarts: 9}\n",
        ENVIRONMENT + "verify: {progressDeadline: 1h}\n",
        [
            f"{OUTER}:3: verify.progressDeadline: 1h is more than the 20m of {DISK_FILE}:17"
            " (environments.production.verify.limits.progressDeadline); write at most 20m, or change it there",
            f"{OWN}:5: verify.observe: 0s is less than the 30s of {DISK_FILE}:17"
            " (environments.production.verify.limits.observe); write at least 30s, or change it there",
            f"{OWN}:5: verify.restarts: 9 is more than the 5 of {DISK_FILE}:17"
            " (environments.production.verify.limits.restarts); write at most 5, or change it there",
        ],
    ),
    (
        PLAIN,
        ENVIRONMENT + "promotesFrom: stagin\n",
        [f"{OUTER}:3: promotesFrom: 'stagin' is no environment of {DISK_FILE}; did you mean 'staging'?"],
    ),
    (
        PLAIN,
        ENVIRONMENT + "promotesFrom: production\n",
        [f"{OUTER}:3: promotesFrom: is the environment itself; name the one before it"],
    ),
    (
        PLAIN.replace("{manifests: {}}", "{manifests: {path: /desired-state/production}}"),
        ENVIRONMENT,
        [
            f"{OWN}:4: source.manifests.path: desired-state/production holds application.yaml itself; move the"
            " manifests into a folder of their own"
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("own", "outer", "wanted"), LOOSENED)
def test_git_cannot_loosen_what_guards_it(own: str, outer: str, wanted: list[str]) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        resolved(own, outer=outer)
    assert list(caught.value.problems) == wanted


def test_an_unknown_environment() -> None:
    with pytest.raises(errors.InvalidInput, match="the folder 'prod' is no environment"):
        resolved(name="prod/shop")


def test_a_folder_that_is_no_name() -> None:
    with pytest.raises(errors.InvalidInput, match="the folder 'My_Shop' is no name; rename it"):
        resolved(name="production/My_Shop")


# --- fields that are left to the cluster


def test_rules_for_fields_are_spelt_out_one_by_one() -> None:
    more = (
        "ignore: [{kind: Deployment.apps, name: web-*, fields: [/spec/replicas, 'metadata.annotations[a.b/c]']}]\n"
        "keepLive: [{kind: Secret, fields: [stringData.password]}]\n"
    )
    deployments, secrets = ids.KindKey("apps", "Deployment"), ids.KindKey("", "Secret")
    assert resolved(PLAIN + more).left == (
        fields.Rule(deployments, "web-*", "*", ("spec", "replicas"), False, "ignore[0].fields[0]"),
        fields.Rule(deployments, "web-*", "*", ("metadata", "annotations", "a.b/c"), False, "ignore[0].fields[1]"),
        fields.Rule(secrets, "*", "*", ("data", "password"), True, "keepLive[0].fields[0]"),
    )


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("kind", "says what the object is"),
        ("metadata", "says what the object is"),
        ("metadata.name", "says what the object is"),
        ("metadata.annotations", "says what the object is"),
        ("'metadata.annotations[reconciler.dev/owner]'", "says what the object is"),
        ("'*'", "says what the object is"),
        ("spec..replicas", "is no path of a field"),
        ("'spec.containers[app'", "is no path of a field"),
        ("/spec//replicas", "is no path of a field"),
    ],
)
def test_what_cannot_be_left_to_the_cluster(path: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=says) as refused:
        resolved(PLAIN + f"ignore:\n- kind: Secret\n  fields: [{path}]\n")
    assert f"{FOLDER}/application.yaml:7: ignore[0].fields[0]" in str(refused.value)


# --- variables


def test_the_application_overrides_the_environments_variables() -> None:
    own = PLAIN.replace("manifests: {}", "manifests: {substitute: true}") + "variables: {HOST: own, REPLICAS: 3}\n"
    outer = ENVIRONMENT + "variables: {HOST: outer, SECURE: true, TAG: '1.10'}\n"
    found = resolved(own, outer=outer)
    assert found.variables == (("HOST", "own"), ("REPLICAS", 3), ("SECURE", True), ("TAG", "1.10"))
    assert found.source == targets.ManifestFolder(f"{FOLDER}/manifests", substitute=True)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{TAG: 1.10}", "TAG is the number 1.1; put it in quotes"),
        ("{TAG: [a]}", "TAG is a list; write text, a whole number, true or false"),
        ("{TAG: null}", "TAG is nothing"),
        ("{a-b: x}", "'a-b' is no name of a variable"),
        ("[a]", "is no mapping; write NAME: value"),
    ],
)
def test_what_is_no_variable(said: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=says):
        resolved(PLAIN.replace("manifests: {}", "manifests: {substitute: true}") + f"variables: {said}\n")


@pytest.mark.parametrize(
    ("source", "says"),
    [("manifests: {}", "write substitute: true in source.manifests"), ("chart: {path: charts/a}", "use its values")],
)
def test_variables_that_nothing_reads_are_refused(source: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=f"variables: nothing here stands for them; {says}"):
        resolved(PLAIN.replace("manifests: {}", source) + "variables: {A: b}\n")


# --- charts of repositories elsewhere

DIGEST = f"sha256:{'0' * 64}"


def elsewhere(said: str) -> targets.Target:
    return resolved(PLAIN.replace("manifests: {}", f"chart: {{{said}}}"))


def test_a_chart_of_a_repository() -> None:
    found = elsewhere(f"repository: 'https://charts.example.com/stable/', name: web, version: 1.2.3, digest: {DIGEST}")
    assert found.source == targets.Chart(
        "web-1.2.3.tgz",
        "shop",
        (),
        b"{}",
        targets.ChartArchive("https://charts.example.com/stable", "web", "1.2.3", DIGEST),
    )


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{}", "source.chart: names no chart; write either path, or repository with name, version and digest"),
        ("{path: a, repository: 'https://x/y'}", "source.chart: has both path and repository"),
        ("{repository: 'https://x/y'}", "source.chart.name: is required beside repository"),
        ("{repository: 'https://x/y', name: web}", "source.chart.version: is required beside repository"),
        ("{path: a, version: 1.2.3}", "source.chart.version: belongs to a chart of a repository"),
        ("{repository: 'http://x/y', name: web, version: 1.2.3}", "is no place of charts"),
        ("{repository: 'https://u:s3cret@x/y', name: web, version: 1.2.3}", "is no place of charts"),
        ("{repository: 'https://x/../y', name: web, version: 1.2.3}", "is no place of charts"),
        ("{repository: 'https://x/y', name: ../web, version: 1.2.3}", "is no name of a chart"),
        ("{repository: 'https://x/y', name: web, version: 1.2.3, digest: abc}", "is no digest"),
        ("{repository: 'https://x/y', name: web, version: ^1.2.0}", "'^1.2.0' is no exact version; write one as 1.2.3"),
        ("{repository: 'https://x/y', name: web, version: '>=1 <2'}", "is no exact version"),
        ("{repository: 'https://x/y', name: web, version: '*'}", "is no exact version"),
        ("{repository: 'https://x/y', name: web, version: '1.2'}", "is no exact version"),
    ],
)
def test_charts_that_are_refused(said: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        resolved(PLAIN.replace("manifests: {}", f"chart: {said}"))
    assert says in str(refused.value)
    assert "s3cret" not in str(refused.value)
