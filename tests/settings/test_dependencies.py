"""`dependsOn` over a whole environment: unknown names, and circles of every length."""

import pytest

from reconciler.settings import dependencies, tree

NOTHING: list[tuple[int, str]] = []


@pytest.mark.parametrize(
    ("name", "depends", "complaints"),
    [
        ("web", {"web": []}, NOTHING),
        ("web", {"web": ["db", "queue"], "db": [], "queue": ["db"]}, NOTHING),
        ("web", {"web": ["web"]}, [(0, "is the application itself")]),
        ("web", {"web": ["db", "dbb"], "db": []}, [(1, "'dbb' is no application of this environment; did you mean")]),
        ("web", {"web": ["x"]}, [(0, "'x' is no application of this environment; add its folder, or remove")]),
        ("web", {"web": ["db"], "db": ["web"]}, [(0, "wait for each other: web → db → web; remove one of these")]),
        ("a", {"a": ["x", "b"], "b": ["c"], "c": ["x", "a"], "x": []}, [(1, "a → b → c → a")]),
        ("outside", {"outside": ["a"], "a": ["b"], "b": ["a"]}, NOTHING),
    ],
)
def test_what_is_wrong(name: str, depends: dict[str, list[str]], complaints: list[tuple[int, str]]) -> None:
    found = list(dependencies.wrong(name, depends))
    assert [index for index, _ in found] == [index for index, _ in complaints]
    assert all(said in text for (_, text), (_, said) in zip(found, complaints, strict=True))


APPLICATION = b"apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\nsource: {manifests: {}}\n"
ENVIRONMENT = b"apiVersion: reconciler.dev/v1\nkind: Environment\n"
DEPLOYMENT = b"""\
repositories: {main: {url: https://git.example.com/a.git, ref: refs/heads/main}}
clusters: {main: {kubeconfig: /etc/kubeconfig}}
environments: {production: {repository: main, cluster: main, namespaces: [web]}}
"""


def test_a_check_of_the_files_names_file_and_line() -> None:
    applications = {
        "web": APPLICATION + b"dependsOn:\n  - database\n  - quue\n",
        "queue": APPLICATION,
        "database": APPLICATION + b"dependsOn: [web]\n",
        "broken": b"nothing",
    }
    folder = tree.Folder(ENVIRONMENT, applications)
    checked = tree.check(
        tree.Tree("config", DEPLOYMENT, "desired-state", {"production": folder}), exists=lambda *_: True
    )
    of_web = [problem for problem in checked.problems if "/web/" in problem]
    place = "desired-state/production/web/application.yaml"
    assert of_web == [
        f"{place}:6: dependsOn[0]: these applications wait for each other: web → database → web; remove one of these"
        " lines",
        f"{place}:7: dependsOn[1]: 'quue' is no application of this environment; did you mean 'queue'?",
    ]
    assert any("/database/application.yaml:5: dependsOn[0]: these" in problem for problem in checked.problems)
