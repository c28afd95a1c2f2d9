"""What is missing of the rights that an environment needs, and the RBAC objects that grant it."""

from collections.abc import Iterator, Sequence

import yaml

from reconciler import ports
from reconciler.model import document, rights
from reconciler.settings import impersonation

GROUP = "rbac.authorization.k8s.io"
ACCOUNT = "system:serviceaccount:"
WIDTH = 50
"""Columns after which a list goes on in the next line: no terminal breaks what is pasted from it."""


def findings(environment: str, found: rights.Rights) -> Iterator[ports.Finding]:
    """One finding a namespace, and one for kinds that cannot be asked about."""
    asked = [answer for answer in found.answers if answer.plural]
    for namespace in sorted({answer.need.namespace for answer in asked}):
        here = [answer for answer in asked if answer.need.namespace == namespace]
        subject = f"{environment} in {namespace}" if namespace else f"{environment} in the whole cluster"
        lacking = [(answer.missing, answer) for answer in here if answer.missing]
        if lacking:
            because = f"as {found.user}: no {_sentence(lacking)}"
            yield ports.Finding(subject, False, because, role(environment, namespace, found.user, answers=here))
        else:
            yield ports.Finding(subject, True, f"as {found.user}: {_sentence([(a.need.verbs, a) for a in here])}")
    if unserved := sorted({str(answer.need.kind) for answer in found.answers if not answer.plural}):
        because = f"the cluster does not serve {', '.join(unserved)} yet: rights on them cannot be asked for"
        yield ports.Finding(environment, None, because)


def _sentence(verbs: Sequence[tuple[tuple[str, ...], rights.Answer]]) -> str:
    """`get, list of configmaps, secrets; watch of pods`."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for some, answer in verbs:
        grouped.setdefault(some, []).append(answer.resource)
    return "; ".join(f"{', '.join(some)} of {', '.join(resources)}" for some, resources in grouped.items())


def role(environment: str, namespace: str, user: str, *, answers: Sequence[rights.Answer]) -> str:
    """All that is needed there, not only what is missing: the object may exist with the rest in it."""
    rules: dict[tuple[str, tuple[str, ...]], list[document.JsonValue]] = {}
    for answer in answers:
        rules.setdefault((answer.need.kind.group, answer.need.verbs), []).append(answer.plural)
    granted: list[document.JsonValue] = [
        {"apiGroups": [group], "resources": plurals, "verbs": list(verbs)} for (group, verbs), plurals in rules.items()
    ]
    return _pasted(f"reconciler-{environment}", namespace, user, rules=granted)


def acting(environment: str, whom: impersonation.Impersonate, user: str) -> str:
    """What lets the daemon, which the API server sees as `user`, be exactly the one as whom the environment acts."""
    name, namespace = f"reconciler-as-{environment}", ""
    granted: list[document.JsonValue] = []
    if whom.service_account:
        namespace, _, account = whom.service_account.partition("/")
        granted.append(_impersonate("serviceaccounts", [account]))
    else:
        granted.append(_impersonate("users", [whom.name]))
    if whom.groups:
        granted.append(_impersonate("groups", list(whom.groups)))
    return _pasted(name, namespace, user, rules=granted)


def _impersonate(resource: str, names: Sequence[str]) -> document.Json:
    return {"apiGroups": [""], "resources": [resource], "resourceNames": list(names), "verbs": ["impersonate"]}


def _pasted(name: str, namespace: str, user: str, *, rules: list[document.JsonValue]) -> str:
    """A role and its binding to `user`, to be pasted."""
    kind = "Role" if namespace else "ClusterRole"
    about: document.Json = {"name": name}
    if namespace:
        about["namespace"] = namespace
    granted: document.Json = {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": dict(about),
        "rules": rules,
    }
    bound: document.Json = {
        "apiVersion": f"{GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(about),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
        "subjects": [_subject(user)],
    }
    # A List, since an indented `---` would separate nothing.
    body = {"apiVersion": "v1", "kind": "List", "items": [granted, bound]}
    text = yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=WIDTH)
    return f"# kubectl apply -f -\n{text}".rstrip()


def _subject(user: str) -> document.Json:
    if user.startswith(ACCOUNT):
        namespace, _, name = user.removeprefix(ACCOUNT).partition(":")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"apiGroup": GROUP, "kind": "User", "name": user}
