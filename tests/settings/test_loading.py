"""Bad files → the exact complaints: all at once, each with its line, the field and a remedy."""

import pytest

from reconciler import errors
from reconciler.settings import application, base, deployment, environment, loading

MINIMAL = """\
repositories:
  main:
    url: https://git.example.com/team/state.git
    ref: refs/heads/main
clusters:
  main: {kubeconfig: /etc/reconciler/kubeconfig}
environments:
  production:
    repository: main
    cluster: main
    namespaces: [web]
"""


def problems(model: type[base.Settings], text: str, *, where: str) -> list[str]:
    with pytest.raises(errors.InvalidInput) as caught:
        loading.load(model, text, where=where)
    return [problem.removeprefix(f"{where}:") for problem in caught.value.problems]


def test_eleven_lines_are_enough() -> None:
    loaded = loading.load(deployment.Deployment, MINIMAL, where="config/deployment-config.yaml")
    production = loaded.environments["production"]
    assert (loaded.journal_path, loaded.repositories["main"].poll) == ("/var/lib/reconciler/journal.db", 60.0)
    assert (production.verify.observe, production.prune.percent, production.cluster_kinds) == (120.0, 50.0, ())


MAIN = "repositories:\n  main:\n"
REST = MINIMAL[MINIMAL.index("clusters:") :]
DEPLOYMENT = [
    # a mistyped key: the one that is meant; a forgotten one: an example
    (
        MINIMAL.replace("    ref: refs/heads/main", "    reff: refs/heads/main"),
        [
            "2: repositories.main.ref: is required; add it, for example `ref: refs/heads/main`",
            "4: repositories.main.reff: unknown key; did you mean 'ref'?",
        ],
    ),
    (
        MINIMAL.replace("namespaces: [web]", "namespaces: [web]\n    colour: blue"),
        [
            "12: environments.production.colour: unknown key; known here: repository, cluster, namespaces,"
            " clusterKinds, impersonate, decryption, revert, prune, drift, maxLag, verify"
        ],
    ),
    (
        MINIMAL + "max_lag: 3\n",
        [
            "12: max_lag: unknown key; known here: stateDir, journal, repositories, clusters,"
            " environments, chartRepositories, timeouts, render, metrics, webhook"
        ],
    ),
    # snake_case is not the files' language
    (
        MINIMAL.replace("namespaces: [web]", "namespaces: [web]\n    max_lag: 1h"),
        ["12: environments.production.max_lag: unknown key; did you mean 'maxLag'?"],
    ),
    # references
    (
        MINIMAL.replace("repository: main", "repository: mian").replace("cluster: main", "cluster: moon"),
        [
            "9: environments.production.repository: 'mian' is none of repositories; did you mean 'main'?",
            "10: environments.production.cluster: 'moon' is none of clusters; add it there, or write one of: main",
        ],
    ),
    # refs: a branch and a tag of one name must not be mixed up (I5)
    (
        MINIMAL.replace("refs/heads/main", "main"),
        ["4: repositories.main.ref: 'main' is no fully qualified branch; write refs/heads/main"],
    ),
    (
        MINIMAL.replace("refs/heads/main", "refs/heads/a..b"),
        [
            "4: repositories.main.ref: 'refs/heads/a..b' is not a name that Git allows for a ref; write for example"
            " refs/heads/main"
        ],
    ),
    # schemes: ext:: runs commands (GIT-01)
    *(
        (
            MINIMAL.replace("https://git.example.com/team/state.git", url),
            [
                f"3: repositories.main.url: {found} not allowed; write https://host/path, ssh://git@host/path, or an"
                " absolute path with allowLocal: true"
            ],
        )
        for url, found in [
            ("'ext::sh -c touch% /tmp/pwn'", "the scheme 'ext' is"),
            ("http://git.example.com/state.git", "the scheme 'http' is"),
            ("--upload-pack=/tmp/pwn", "this is"),
        ]
    ),
    # ssh: the form of scp is another path, and both files are needed
    (
        MINIMAL.replace("https://git.example.com/team/state.git", "git@example.com:team/state.git"),
        [
            "3: repositories.main.url: is written as for scp; write ssh://git@host/path (its path begins at the"
            " server's root, this one in the user's home: they are not always the same)"
        ],
    ),
    (
        MINIMAL.replace("https://git", "ssh://git@git"),
        [
            "2: repositories.main.credentials: has no privateKeyFile, which ssh needs; add privateKeyFile",
            "2: repositories.main.credentials: has no knownHostsFile, which ssh needs; add knownHostsFile",
        ],
    ),
    (
        MINIMAL.replace("https://git", "ssh://git@git").replace(
            "    ref: refs/heads/main",
            "    ref: refs/heads/main\n    credentials: {privateKeyFile: /k, knownHostsFile: /h, passwordFile: /p}",
        ),
        ["5: repositories.main.credentials.passwordFile: belongs to https; remove it, or write its URL with https"],
    ),
    (
        MINIMAL.replace("    ref: refs/heads/main", "    ref: refs/heads/main\n    credentials: {privateKeyFile: /k}"),
        ["5: repositories.main.credentials.privateKeyFile: belongs to ssh; remove it, or write its URL with ssh"],
    ),
    (
        MINIMAL.replace("https://git.example.com/team/state.git", "/srv/state.git"),
        ["3: repositories.main.url: is a place on this machine; write allowLocal: true if that is meant"],
    ),
    # secrets are never repeated
    (
        MINIMAL.replace("https://git", "https://bot:hunter2@git"),
        ["3: repositories.main.url: holds credentials; move them to a file and name it in credentials.passwordFile"],
    ),
    (
        MINIMAL.replace("    ref: refs/heads/main", "    ref: refs/heads/main\n    credentials: {password: hunter2}"),
        ["5: repositories.main.credentials.password: unknown key; did you mean 'passwordFile'?"],
    ),
    (
        MINIMAL.replace("    ref: refs/heads/main", "    ref: refs/heads/main\n    credentials: hunter2"),
        [
            "5: repositories.main.credentials: is a single value where a mapping is wanted; write its keys below it,"
            " or remove it"
        ],
    ),
    (
        MINIMAL.replace("    ref: refs/heads/main", "    ref: refs/heads/main\n    credentials: {usernameFile: /u}"),
        ["5: repositories.main.credentials: has a usernameFile and no passwordFile; add passwordFile"],
    ),
    # clusters
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{kubeconfig: /k, inCluster: true}"),
        [
            "6: clusters.main: has both kubeconfig and inCluster; write either kubeconfig: /path, inCluster: true or"
            " sandbox: true"
        ],
    ),
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{}"),
        [
            "6: clusters.main: says not how to reach it; write either kubeconfig: /path, inCluster: true or"
            " sandbox: true"
        ],
    ),
    (
        MINIMAL.replace("/etc/reconciler/kubeconfig", "../kubeconfig"),
        [
            "6: clusters.main.kubeconfig: '../kubeconfig' is no absolute path; write for example"
            " /etc/reconciler/kubeconfig"
        ],
    ),
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{inCluster: true, context: a}"),
        ["6: clusters.main.context: belongs to a kubeconfig; remove it, or name the kubeconfig"],
    ),
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{sandbox: true, context: a}"),
        ["6: clusters.main.context: belongs to a kubeconfig; remove it, or name the kubeconfig"],
    ),
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{inCluster: true, sandbox: true}"),
        [
            "6: clusters.main: has both inCluster and sandbox; write either kubeconfig: /path, inCluster: true or"
            " sandbox: true"
        ],
    ),
    (
        MINIMAL.replace("{kubeconfig: /etc/reconciler/kubeconfig}", "{sandbox: true}\n  other: {inCluster: true}"),
        [
            "6: clusters.main.sandbox: is a sandbox and other not: what is only tried must not share a journal with"
            " what runs; write it for all clusters, or for none"
        ],
    ),
    # the revert's policy
    (
        MINIMAL + "    revert: {git: pull-request}\n",
        [
            "12: environments.production.revert.git: pull-request is not supported yet: it needs the APIs of the Git"
            " hosts, which are still to come; write push or pin"
        ],
    ),
    (
        MINIMAL + "    revert: {git: push, firstDeployment: scaledown}\n",
        [
            "12: environments.production.revert.firstDeployment: 'scaledown' is not known; did you mean 'scale-down'?",
            "12: environments.production.revert.git: is push, but its repository has no password to push with; add"
            " credentials.passwordFile, or write pin",
        ],
    ),
    # numbers, each with its unit
    (
        MINIMAL.replace("refs/heads/main", "refs/heads/main\n    poll: 500ms\n    timeout: 10 minutes"),
        [
            "5: repositories.main.poll: '500ms' is out of range; write 1s to 1d",
            "6: repositories.main.timeout: '10 minutes' is no duration; write for example 30s, 10m or 1h30m",
        ],
    ),
    (
        MINIMAL + "    prune: {count: many, percent: 0.2}\n",
        [
            "12: environments.production.prune.count: is 'many' where a whole number is wanted; write 0 to 100000",
            "12: environments.production.prune.percent: the number 0.2 is no percentage; write 0% to 100%",
        ],
    ),
    (
        MINIMAL + "    verify: {observe: 10s, restarts: 0, limits: {observe: 1m}}\n",
        ["12: environments.production.verify.restarts: 0 is out of range; write 1 to 1000"],
    ),
    (
        MINIMAL + "    verify: {observe: 10s, progressDeadline: 2h, restarts: 20, limits: {observe: 1m}}\n",
        [
            "12: environments.production.verify.observe: 10s is less than its limit, 1m; change one of them",
            "12: environments.production.verify.progressDeadline: 2h is more than its limit, 1h; change one of them",
            "12: environments.production.verify.restarts: 20 is more than limits.restarts, 10; change one of them",
        ],
    ),
    (
        MINIMAL + "render: {memory: 2G, output: 2Gi}\nmetrics: {address: 9090}\n",
        [
            "12: render.memory: '2G' is no size; write bytes, or for example 64Mi",
            "12: render.output: '2Gi' is out of range; write 1Ki to 1Gi",
            "13: metrics.address: is the number 9090 where text is wanted; put it in quotes",
        ],
    ),
    # names
    (
        MINIMAL.replace("  production:", "  Production:"),
        [
            "8: environments.Production: 'Production' is no name; write a-z, 0-9 and - (63 at most), for example"
            " production"
        ],
    ),
    (
        MINIMAL.replace("[web]", "[n, 'web*x', '*']"),
        [
            "11: environments.production.namespaces[0]: is the boolean false where text is wanted; put it in quotes",
            "11: environments.production.namespaces[1]: 'web*x' is no namespace pattern; write a namespace, or the"
            " beginning of one with * at the end",
        ],
    ),
    (
        MINIMAL.replace("[web]", "[]").replace(
            "clusters:\n  main: {kubeconfig: /etc/reconciler/kubeconfig}", "clusters: []"
        ),
        [
            "5: clusters: is a list where a mapping is wanted; write its keys below it, or remove it",
            "9: environments.production.cluster: 'main' is none of clusters; add it there, or write one of: none",
            "10: environments.production.namespaces: is empty; name at least one",
        ],
    ),
    (
        MINIMAL + "    clusterKinds: [namespace]\n    drift: ignore\njournal: ../elsewhere.db\n",
        [
            "12: environments.production.clusterKinds[0]: 'namespace' is no kind; write Kind or Kind.group, for example"
            " ClusterRole.rbac.authorization.k8s.io",
            "13: environments.production.drift: 'ignore' is not known; write heal or warn",
            "14: journal: '../elsewhere.db' is no plain file name; write for example journal.db",
        ],
    ),
    (
        MINIMAL + "webhook: {address: 9091}\n",
        [
            "12: webhook.secretFile: is required; add it",
            "12: webhook.address: is the number 9091 where text is wanted; put it in quotes",
        ],
    ),
    # as whom an environment acts
    (
        MINIMAL + "    impersonate: {serviceAccount: deployer}\n",
        [
            "12: environments.production.impersonate.serviceAccount: 'deployer' is no service account; write"
            " namespace/name, for example web/deployer"
        ],
    ),
    (
        MINIMAL + "    impersonate: {serviceAccount: web/deployer, user: robot}\n",
        [
            "12: environments.production.impersonate: names both a serviceAccount and a user; write either"
            " serviceAccount: namespace/name or user: name"
        ],
    ),
    (
        MINIMAL + "    impersonate: {groups: ['system:masters']}\n",
        [
            "12: environments.production.impersonate: names nobody; write either serviceAccount: namespace/name or"
            " user: name",
            "12: environments.production.impersonate.groups: system:masters may do everything, and nothing would be"
            " confined; name a group with the rights needed",
        ],
    ),
    (
        MINIMAL + "    impersonate: {serviceAccount: web/deployer, groups: [robots]}\n",
        [
            "12: environments.production.impersonate.groups: belong to a user: a service account has its own; remove"
            " them"
        ],
    ),
    # no settings at all
    ("[]\n", ["1: the file: is a list where a mapping is wanted; write its keys below it, or remove it"]),
    (
        "repositories:\nclusters:\nenvironments:\n",
        [
            f"{line}: {key}: is nothing where a mapping is wanted; write its keys below it, or remove it"
            for line, key in enumerate(["repositories", "clusters", "environments"], start=1)
        ],
    ),
]


@pytest.mark.parametrize(("text", "wanted"), DEPLOYMENT)
def test_deployment_config(text: str, wanted: list[str]) -> None:
    found = problems(deployment.Deployment, text, where="config/deployment-config.yaml")
    assert found == wanted
    assert "hunter2" not in "".join(found)


HEAD = "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\n"
PLAIN = HEAD + "source: {manifests: {}}\n"
APPLICATION = [
    (
        "apiVersion: apps/v1\nkind: Deployment\nsource: {manifests: {}}\n",
        [
            "1: apiVersion: is 'apps/v1'; write reconciler.dev/v1",
            "2: kind: is 'Deployment'; write Application",
        ],
    ),
    (
        "kind: Application\n",
        [
            "1: apiVersion: is required; add it, for example `apiVersion: reconciler.dev/v1`",
            "1: source: is required; add it, for example `source: {manifests: {}}`",
        ],
    ),
    (
        HEAD + "source: {}\n",
        ["4: source: names no source; write one of manifests: {}, chart: {path: …} and kustomize: {path: …}"],
    ),
    (
        HEAD + "source: {manifests: {}, chart: {path: charts/web}}\n",
        ["4: source: has manifests and chart; write one of manifests: {}, chart: {path: …} and kustomize: {path: …}"],
    ),
    # paths stay in the repository (I8)
    *(
        (HEAD + f"source:\n  chart:\n    path: {path}\n", [f"6: source.chart.path: {complaint}"])
        for path, complaint in [
            (
                "../../charts/web",
                "'../../charts/web' leads outside with '..'; name the place from the repository's root, beginning with"
                " /",
            ),
            ("/..", "'/..' leads outside with '..'; name the place from the repository's root, beginning with /"),
            ("charts\\web", "'charts\\\\web' holds a backslash; write forward slashes"),
            ('"charts/\\0web"', "holds a control character; write it in one line without them"),
            ("/", "'/' names no file or folder of the repository; write for example /charts/web"),
            ("//etc", "'//etc' names no file or folder of the repository; write for example /charts/web"),
            ("--exec=x", "'--exec=x' names no file or folder of the repository; write for example /charts/web"),
            ("':(top)x'", "':(top)x' names no file or folder of the repository; write for example /charts/web"),
            ("''", "is empty text; write something, or remove the key"),
        ]
    ),
    (
        PLAIN + "strategy: {type: canary}\n",
        ["5: strategy.type: canary is not supported yet: only rolling updates are there so far; write rolling"],
    ),
    (PLAIN + "strategy: {type: roling}\n", ["5: strategy.type: 'roling' is not known; did you mean 'rolling'?"]),
    # probes: no value of a URL is repeated
    (
        PLAIN
        + "verify:\n  probes:\n    - url: http://user:hunter2@web/\n      statuses: [200, 999]\n    - interval: 0s\n",
        [
            "7: verify.probes[0].url: this is no URL of a probe; write http://host/path or https://host/path, without"
            " credentials",
            "8: verify.probes[0].statuses[1]: 999 is out of range; write 100 to 599",
            "9: verify.probes[1].url: is required; add it, for example `url: http://web.production.svc/healthz`",
            "9: verify.probes[1].interval: '0s' is out of range; write 100ms to 1h",
        ],
    ),
    (
        HEAD + "source:\n  chart:\n    path: charts/web\n    values: [hunter2]\n    valueFiles: [a.yaml]\n",
        [
            "7: source.chart.values: is no mapping; write the values as in a values.yaml",
            "8: source.chart.valueFiles: unknown key; did you mean 'valuesFiles'?",
        ],
    ),
    (PLAIN + "reads: charts\n", ["5: reads: is a single value where a list is wanted; write [..], or remove it"]),
]


@pytest.mark.parametrize(("text", "wanted"), APPLICATION)
def test_application(text: str, wanted: list[str]) -> None:
    found = problems(application.Application, text, where="desired-state/production/web/application.yaml")
    assert found == wanted
    assert "hunter2" not in "".join(found)


def test_environment_knows_no_policy() -> None:
    text = "apiVersion: reconciler.dev/v1\nkind: Environment\nrevert: {git: pin}\nverify: {probes: []}\n"
    assert problems(environment.Environment, text, where="environment.yaml") == [
        "3: revert: unknown key; known here: apiVersion, kind, promotesFrom, namespace, namespaces, clusterKinds,"
        " variables, verify, prune, drift",
        "4: verify.probes: unknown key; known here: progressDeadline, observe, restarts",
    ]


def test_no_yaml_is_invalid_input_too() -> None:
    found = problems(deployment.Deployment, "a: 1\na: 2\n", where="config/deployment-config.yaml")
    assert len(found) == 1
    assert found[0].startswith("2: ")


def test_a_comment_more_is_no_other_setting() -> None:
    one = loading.load(deployment.Deployment, MINIMAL, where="a")
    two = loading.load(deployment.Deployment, "# why\n" + MINIMAL, where="b")
    other = loading.load(deployment.Deployment, MINIMAL.replace("[web]", "[web, api]"), where="a")
    assert one == two
    assert one != other
