"""What stands in files of repositories, and of the daemon's disk."""

import asyncio
import functools
import json
import pathlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import strategies as st

from reconciler import yamltext
from reconciler.edges.helm import values as helm_values
from reconciler.edges.kubernetes import credentials
from reconciler.model import ids, manifests, sources, targets
from reconciler.render import (
    assemble,
    chart,
    encrypted,
    folder,
    kustomize,
    left,
    lookups,
    order,
    parsed,
    stable,
    variables,
)
from reconciler.settings import application, deployment, environment, expressions, loading, resolve, values
from reconciler.settings.peers import argocd, flux
from tests.hostile.fuzzing import inputs
from tests.hostile.fuzzing.target import Target
from tests.render import examples

FOLDER = "desired-state/production/web"
HEAD = "apiVersion: reconciler.dev/v1\nkind: "
DEPLOYMENT = """\
stateDir: /var/lib/reconciler
repositories:
  main:
    url: https://git.example.com/team/state.git
    ref: refs/heads/main
    poll: 30s
    credentials: {username: git, passwordFile: /p}
    signatures: {policy: require, allowedSignersFile: /s}
  other: {url: 'ssh://git@h/x', ref: refs/heads/main, ssh: {privateKeyFile: /k, knownHostsFile: /h}}
clusters: {main: {inCluster: true}, far: {kubeconfig: /k, context: c}}
chartRepositories: {'https://charts.example.com': {alsoFrom: ['https://cdn.example.com']}}
environments:
  staging: {repository: main, cluster: main, namespaces: ['*']}
  production:
    repository: main
    cluster: main
    namespaces: [web, 'web-*']
    clusterKinds: [Namespace, ClusterRole.rbac.authorization.k8s.io]
    prune: {count: 10, percent: 40%}
    verify: {observe: 2m, limits: {observe: 30s, progressDeadline: 20m, restarts: 5}}
    revert: {git: pin}
limits: {render: {memory: 1Gi, wall: 30s}}
"""
ENVIRONMENT = HEAD + (
    "Environment\npromotesFrom: staging\nnamespace: web\nnamespaces: [web]\nclusterKinds: []\n"
    "verify: {observe: 1m, progressDeadline: 5m, restarts: 2}\nprune: {count: 8, percent: 30%}\ndrift: warn\n"
    "variables: {HOST: a, N: 3}\n"
)
APPLICATIONS = (
    HEAD + "Application\nnamespace: web\nsource: {manifests: {path: m, exclude: ['*.bak.yaml'], substitute: true}}\n"
    "reads: [/base]\ndependsOn: [db]\nvariables: {A: 1, B: '2', C: true}\n"
    "verify:\n  observe: 90s\n  probes: [{url: 'http://shop.web/healthz', statuses: [200, 204], timeout: 1s}]\n"
    "  healthChecks: [{kind: Backup.example.com, current: status.phase == 'Done'}]\n"
    "prune: {percent: 20%}\ndrift: heal\nadopt: {from: [helm], managers: [x], marks: keep}\n"
    "ignore: [{kind: Secret, name: 'web-*', fields: [data.password, 'a[*].b', /spec/replicas]}]\n"
    "keepLive: [{kind: Secret, fields: [data.token]}]\n",
    HEAD + "Application\nnamespace: web\nsource:\n  chart:\n    path: charts/shop\n    release: x\n"
    "    valuesFiles: [values.yaml, /charts/shop/big.yaml]\n    values: {replicas: 3, image: {tag: v2}}\n",
    HEAD + "Application\nsource:\n  chart: {repository: 'https://charts.example.com', name: a, version: 1.2.3, "
    f"digest: 'sha256:{'a' * 64}'}}\nstate: orphaned\n",
    HEAD + "Application\nnamespace: web\nsource: {kustomize: {path: /overlays/production}}\nstate: absent\n",
)
MANIFESTS = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: y}, annotations: {reconciler.dev/wave: '2'}}\n"
    "data: {a: '${HOST}', b: \"1\"}\n---\n"
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: hunter2}\ndata: {k: aHVudGVyMg==}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n"
    "  annotations: &a\n    reconciler.dev/replace: 'yes'\n"
    "spec:\n  replicas: 2\n  template: {metadata: {annotations: *a}, spec: {containers: [{name: x, image: y}]}}\n",
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {generateName: h-, annotations: "
    "{helm.sh/hook: 'pre-install,post-upgrade', helm.sh/hook-weight: '-5', "
    "helm.sh/hook-delete-policy: hook-succeeded}}}\n",
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n"
    "spec: {group: example.com, names: {kind: Widget, plural: widgets}, scope: Cluster,"
    " versions: [{name: v1, served: true}]}\n"
    "---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {a: [1, 2]}\n",
)
DOCUMENTS = tuple(document for text in MANIFESTS for document in yaml.safe_load_all(text))
KUSTOMIZATION = """\
resources: [a.yaml, ../../base, more]
components: [c]
namePrefix: x-
configMapGenerator: [{name: x, files: [a.yaml, key=more/b.yaml], envs: [e], literals: [a=b=c]}]
secretGenerator: [{name: s, env: e, type: Opaque}]
patches: [{path: a.yaml}, {patch: "apiVersion: v1\\nkind: X\\nmetadata: {name: x}", target: {kind: A}}]
patchesStrategicMerge: [a.yaml]
patchesJson6902: [{path: a.yaml, target: {kind: A}}]
replacements: [{path: a.yaml}, {source: {kind: A}}]
openapi: {path: a.yaml}
transformers: ["apiVersion: builtin\\nkind: PrefixTransformer\\nmetadata: {name: x}\\nprefix: x-"]
images: [{name: a, newTag: b}]
"""
ANNOTATIONS = (
    {"reconciler.dev/wave": "1", "argocd.argoproj.io/sync-wave": "-3"},
    {"reconciler.dev/hook": "pre-sync", "reconciler.dev/hook-delete": "before"},
    {"argocd.argoproj.io/hook": "PreSync,Skip", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"},
    {"helm.sh/hook": "pre-install, test", "helm.sh/hook-weight": "5", "helm.sh/hook-delete-policy": "hook-failed"},
)
SETTINGS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "deployment-config.yaml": (deployment.Deployment, (DEPLOYMENT,)),
    "environment.yaml": (environment.Environment, (ENVIRONMENT,)),
    "application.yaml": (application.Application, APPLICATIONS),
}
VALUES = {
    "duration": values.duration(least="0s", most="30d").parse,
    "percentage": values.percent,
    "size": values.size(least="1", most="1Gi").parse,
    "remote": values.remote,
    "ref": values.git_ref,
    "path": values.repository_path,
    "kind": values.kind_key,
    "address": values.address,
}
WORDS = ("1h30m", "50%", "10Gi", "https://h:1/a.git", "refs/heads/main", "/a/b", "Widget.example.com", "127.0.0.1:80")
PATTERNS = ("*.yaml", "a/**/b?.yaml", "**", "[a-z]*", "/x/", "*a*a*a*a*a*b")
SOPS = (
    "a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops: {age: [{recipient: x, enc: y}], mac: ENC[x], version: '3'}\n"
)
EXPRESSIONS = ("status.phase == 'Done'", "has(status.x) && size(spec.y) > 0", "metadata.labels['a'].matches('(a+)+')")
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "n"}}],
    "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "YQ=="}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}


def _settings(model: type[Any], text: str) -> None:
    loading.load(model, text, where="file.yaml")


def _resolved(text: str) -> None:
    resolve.resolve(
        loading.load(deployment.Deployment, DEPLOYMENT, where="deployment-config.yaml"),
        key=ids.TargetKey("production", "web"),
        folder=FOLDER,
        application=loading.load(application.Application, text, where="application.yaml"),
        environment=loading.load(environment.Environment, ENVIRONMENT, where="environment.yaml"),
    )


def _as_yaml(documents: Any) -> str:
    return yaml.safe_dump(documents, allow_unicode=True)


def _files(text: str) -> list[sources.File]:
    return [examples.file(f"{FOLDER}/a.yaml", text.encode("utf-8", "surrogatepass"))]


def _manifests(text: str) -> None:
    """From the file to the canonical set, with what is left to the cluster taken out."""
    target = replace(examples.FOLDER, variables=(("HOST", "h"),))
    read = folder.read(
        _files(text), fill=variables.fill(replace(target, source=targets.ManifestFolder("", substitute=True)))
    )
    _assembled(read)


def _documents(given: Any) -> None:
    _assembled(
        [
            parsed.Parsed(each, manifests.Origin("web.yaml", 1))
            for each in (given if isinstance(given, list) else [given])
        ]
    )


def _assembled(read: Sequence[parsed.Parsed]) -> None:
    found = assemble.manifest_set(read, target=examples.FOLDER, installation="here", facts=examples.FACTS)
    left.taken_out(found, _resolved_rules())
    stable.differences(found, found)


@functools.cache
def _resolved_rules() -> Any:
    return resolve.resolve(
        loading.load(deployment.Deployment, DEPLOYMENT, where="deployment-config.yaml"),
        key=ids.TargetKey("production", "web"),
        folder=FOLDER,
        application=loading.load(application.Application, APPLICATIONS[0], where="application.yaml"),
        environment=loading.load(environment.Environment, ENVIRONMENT, where="environment.yaml"),
    ).left


def _annotations(given: Any) -> None:
    if isinstance(given, dict):
        order.of(given)
    each = parsed.Parsed(
        {"kind": "Job", "metadata": {"annotations": given, "generateName": "x-"}}, manifests.Origin("a", 1)
    )
    order.left_out(each)
    order.named(each)
    order.notes(each.value)


def _kustomization(text: str) -> None:
    here = f"{FOLDER}/kustomization.yaml"
    files = [*_files("kind: A"), examples.file(here, text.encode("utf-8", "surrogatepass"))]
    files += [examples.file(f"{FOLDER}/c/kustomization.yaml", "kind: Component"), examples.file(f"{FOLDER}/e", "A=b")]
    source = targets.Kustomization(FOLDER)
    kustomize.check(examples.target(source), source, files=files)


def _built(text: str) -> None:
    kustomize.read(text, source=targets.Kustomization(FOLDER))


def _chart(text: str) -> None:
    chart.read(text, chart=examples.CHART)


def _templates(text: str) -> None:
    files = [examples.file("charts/web/templates/a.yaml", text.encode("utf-8", "surrogatepass"))]
    lookups.notes(files, source=examples.CHART)
    stable.at_another_time(files)


def _values(text: str) -> None:
    its = targets.Chart("charts/web", "web", (f"{FOLDER}/a.yaml",), b'{"a":{"b":1}}')
    helm_values.of(its, _files(text))


def _filled(text: str) -> None:
    its = replace(examples.target(targets.ManifestFolder("m", substitute=True)), variables=(("HOST", "h"), ("N", 3)))
    folder.read(_files(text), fill=variables.fill(its))


def _sealed(text: str) -> None:
    for name in ("a.yaml", "a.json", "a.env", "a.bin"):
        file = examples.file(name, text.encode("utf-8", "surrogatepass"))
        form = encrypted.form(file)
        if form is not None:
            encrypted.opened_values(file, file.content, how=form)


def _pattern(given: tuple[str, str]) -> None:
    folder.excludes(given[0], given[1])


def _positions(text: str) -> None:
    value, places = yamltext.load_with_positions(text, "file.yaml")
    path: list[Any] = []
    while isinstance(value, (dict, list)) and value:
        key = next(iter(value)) if isinstance(value, dict) else 0
        path.append(key)
        places.line(tuple(path))
        value = value[key]


def _yaml(text: str | bytes) -> None:
    for found in yamltext.load_all(text, "file.yaml"):
        json.dumps(found.value, allow_nan=False)


def _peer(given: Any) -> None:
    body = given if isinstance(given, dict) else {}
    flux.kustomization(body)
    flux.helm_release(body, {})
    flux.source(body)
    argocd.application(body)


@functools.cache
def _scratch() -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(prefix="fuzzing-"))


def _kubeconfig(text: str) -> None:
    path = _scratch() / "kubeconfig"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    asyncio.run(credentials.load(credentials.Source(str(path))))


def _odd_text(good: Sequence[str]) -> st.SearchStrategy[str]:
    """Wounded as text, or wounded as documents and written again."""
    loaded = [list(yaml.safe_load_all(one)) for one in good]
    return inputs.text(good) | inputs.mangled([each for each in loaded if each]).map(_dumped)


def _dumped(documents: Any) -> str:
    try:
        return yaml.safe_dump_all(documents if isinstance(documents, list) else [documents], allow_unicode=True)
    except (yaml.YAMLError, RecursionError):
        return "a: 1\n"


FLUX = (
    {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "interval": "10m",
            "chart": {"spec": {"chart": "a", "version": "1.2.3", "sourceRef": {"kind": "HelmRepository", "name": "r"}}},
            "values": {"a": 1},
            "dependsOn": [{"name": "x"}],
        },
    },
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "a", "namespace": "argocd"},
        "spec": {
            "source": {"repoURL": "https://h/x", "path": "a", "targetRevision": "main", "helm": {"valueFiles": ["a"]}},
            "destination": {"namespace": "x", "server": "y"},
            "syncPolicy": {"automated": {"prune": True}, "retry": {"limit": 3}, "syncOptions": ["A=b"]},
            "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
        },
    },
    {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "shop", "namespace": "flux-system"},
        "spec": {"interval": "10m", "timeout": "5m0s", "path": "./apps", "prune": True, "dependsOn": [{"name": "db"}]},
    },
)

TARGETS = (
    Target("yaml", inputs.text(MANIFESTS) | st.text(), _yaml),
    Target("yaml-bytes", inputs.raw([text.encode() for text in MANIFESTS]), _yaml),
    Target("yaml-positions", inputs.text(APPLICATIONS), _positions),
    *(Target(name, _odd_text(good), functools.partial(_settings, model)) for name, (model, good) in SETTINGS.items()),
    Target("application-resolved", _odd_text(APPLICATIONS), _resolved),
    *(
        Target(f"value-{name}", inputs.text(WORDS) | inputs.mangled(WORDS), parse, (ValueError,))
        for name, parse in VALUES.items()
    ),
    Target("cel-expression", inputs.text(EXPRESSIONS).map(inputs.whole), expressions.expression, (ValueError,)),
    Target("manifests", _odd_text(MANIFESTS), _manifests),
    Target("documents", inputs.mangled(DOCUMENTS), _documents),
    Target("annotations", inputs.mangled(ANNOTATIONS), _annotations),
    Target("kustomization", _odd_text([KUSTOMIZATION]), _kustomization),
    Target("kustomize-output", inputs.text(MANIFESTS), _built),
    Target("helm-output", inputs.text([f"---\n# Source: web/templates/a.yaml\n{one}" for one in MANIFESTS]), _chart),
    Target(
        "helm-templates", inputs.text(['a: {{ now | date "2006" }} {{ lookup "v1" "Secret" "a" "b" }}\n']), _templates
    ),
    Target("helm-values", _odd_text(["a: {b: [1, 2]}\nc: null\n"]), _values),
    Target("variables", inputs.text(["a: ${HOST}\nb: 'x${N:-3}y$${Z}'\n? ${HOST}\n: |\n  ${N}\n"]), _filled),
    Target(
        "sealed-files", inputs.text([SOPS, "A=ENC[AES256_GCM,x]\nsops_mac=x\nsops_age__list_0__map_enc=y\n"]), _sealed
    ),
    Target("exclude-patterns", st.tuples(inputs.text(PATTERNS), inputs.text(["a/b/c.yaml", "a" * 200])), _pattern),
    Target("flux-and-argo", inputs.mangled(FLUX), _peer),
    Target("kubeconfig", inputs.mangled([KUBECONFIG]).map(_dumped) | inputs.text([_as_yaml(KUBECONFIG)]), _kubeconfig),
)
