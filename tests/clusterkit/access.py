"""Talking to a control plane simply: one request, one reply, no watch, no retry. For tests, never for the daemon."""

import http.client
import json
import pathlib
import ssl
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

Json = dict[str, Any]
T = TypeVar("T")

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
REQUEST_TIMEOUT = 15.0  # seconds
DAY = 86_400  # seconds
POLL_EVERY = 0.05  # seconds between two looks at a condition


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the parsed JSON, or the text where the server answers with text (429, unknown paths)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class RefusedError(Exception):
    """A reply of 400 or more to a helper that expects success; `status` is the code."""

    def __init__(self, what: str, reply: Reply) -> None:
        said = reply.body.get("message", reply.body) if isinstance(reply.body, dict) else reply.body
        super().__init__(f"{what}: {reply.status} {said}")
        self.status = reply.status


class Client:
    """One user of one API server, as a kubeconfig names them."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text())
        self.server: str = config["clusters"][0]["cluster"]["server"]
        self.ca_file = pathlib.Path(config["clusters"][0]["cluster"]["certificate-authority"])
        self.token: str = config["users"][0]["user"]["token"]

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Reply:
        """Any status is a reply; an unreachable server is an OSError. `path` carries its query; seconds."""
        address = urllib.parse.urlsplit(self.server)
        trust = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection(address.netloc, timeout=timeout, context=trust)
        try:
            sent = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, **(headers or {})}
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers.items()), parsed(answer.read()))
        finally:
            connection.close()

    def get(self, path: str) -> Json | None:
        """The object or list at `path`; None when it is not there."""
        reply = self.request("GET", path)
        return None if reply.status == http.client.NOT_FOUND else expected(f"GET {path}", reply)

    def items(self, path: str) -> list[Json]:
        reply = self.request("GET", path)
        return list(expected(f"GET {path}", reply)["items"] or ())

    def create(self, manifest: Json) -> Json:
        path = path_of(manifest["apiVersion"], manifest["kind"], namespace=namespace_of(manifest))
        return expected(f"POST {path}", self.request("POST", path, manifest))

    def apply(self, manifest: Json, *, manager: str = "somebody", force: bool = True) -> Json:
        """Server-side apply, as another person or tool would."""
        path = path_of_manifest(manifest)
        query = urllib.parse.urlencode({"fieldManager": manager, "force": str(force).lower()})
        return expected(f"PATCH {path}", self.request("PATCH", f"{path}?{query}", manifest, content_type=APPLY))

    def patch(self, path: str, change: Json, *, manager: str = "kubectl-edit") -> Json:
        """A merge patch, as `kubectl edit` sends it."""
        reply = self.request("PATCH", f"{path}?fieldManager={manager}", change, content_type=MERGE_PATCH)
        return expected(f"PATCH {path}", reply)

    def delete(self, path: str) -> None:
        """Children go in the background; what is gone already is no error."""
        reply = self.request(
            "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        )
        if reply.status != http.client.NOT_FOUND:
            expected(f"DELETE {path}", reply)

    def wait_for(self, condition: Callable[[], T | None], timeout: float = 30.0, *, what: str = "the condition") -> T:
        """What `condition` returns once that is true; TimeoutError, with what it saw last, after `timeout` seconds."""
        return wait_for(condition, timeout, what=what)

    def pods_can_run_in(self, namespace: str) -> bool:
        """Pods are refused until the controllers have given a namespace its default account and the cluster's CA."""
        within = path_of("v1", "Namespace", name=namespace)
        found = (self.get(f"{within}/serviceaccounts/default"), self.get(f"{within}/configmaps/kube-root-ca.crt"))
        return all(found)

    def deployment_available(self, namespace: str, name: str, *, replicas: int) -> bool:
        """Every replica is of the newest template and serves: what an upgrade ends in."""
        found = self.get(path_of("apps/v1", "Deployment", namespace=namespace, name=name))
        if found is None:
            return False
        status = found["status"]
        seen = (status.get("observedGeneration"), status.get("updatedReplicas"), status.get("availableReplicas"))
        return seen == (found["metadata"]["generation"], replicas, replicas) and status.get("replicas") == replicas


class ClusterAccess(Client):
    """A control plane as its administrator sees it: requests, the audit log, and users with fewer rights."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder / "kubeconfig")
        self.folder = folder

    @property
    def how_to_reach(self) -> Json:
        """Its entry in the daemon's `clusters`."""
        return {"kubeconfig": str(self.kubeconfig)}

    def audit_mark(self) -> int:
        """A place in the audit log, to read from later: its length in bytes."""
        return self._audit_log.stat().st_size

    def audit_lines(self, *, after: int = 0) -> list[Json]:
        """
        The finished writes since the mark `after`, oldest first: create, update, patch, delete, deletecollection.

        Shape: `auditID`, `verb`, `userAgent`, `requestURI` (dry-runs show only there), `user`, `objectRef`,
        `responseStatus.code`. A line is there before the reply ends, so the reply of one's own write is in it.
        """
        with self._audit_log.open("rb") as log:
            log.seek(max(0, after - 1))
            # Up to the end of the line before the mark: somebody else's may have been half written then.
            begun = log.read(1) if after else b"\n"
            rest = log.read()
        whole = rest.rpartition(b"\n")[0]
        if begun != b"\n":
            whole = whole.partition(b"\n")[2]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def _audit_log(self) -> pathlib.Path:
        return self.folder / "audit.log"

    def user_with_rules(
        self, name: str, rules: Sequence[Json], *, namespace: str, cluster_rules: Sequence[Json] = ()
    ) -> pathlib.Path:
        """
        The kubeconfig of a new ServiceAccount that may do `rules` in `namespace` and `cluster_rules` everywhere.

        A rule is RBAC's: `{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}`. All of it, also the part
        that is not in a namespace, is collected by the cluster when the namespace goes.
        """
        account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        self.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
        self._grant("Role", {"name": name, "namespace": namespace}, rules=rules, account=account)
        if cluster_rules:
            self._grant(
                "ClusterRole", self._owned_by(namespace, f"{namespace}-{name}"), rules=cluster_rules, account=account
            )
        return self.kubeconfig_of(name, namespace=namespace)

    def kubeconfig_of(self, name: str, *, namespace: str) -> pathlib.Path:
        """The kubeconfig of a ServiceAccount, with a token for a day."""
        path = self.folder / f"{namespace}-{name}.kubeconfig"
        token = self.token_of(name, namespace=namespace)
        write_kubeconfig(path, server=self.server, ca_file=self.ca_file, user=name, token=token)
        return path

    def token_of(self, name: str, *, namespace: str, bound_to: Json | None = None) -> str:
        """A new one for a ServiceAccount. It is worth nothing once that is gone, also when another is called so, or the
        object that it is `bound_to`."""
        tokens = path_of("v1", "ServiceAccount", namespace=namespace, name=name) + "/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": DAY} | ({"boundObjectRef": bound_to} if bound_to else {}),
        }
        return str(expected(f"POST {tokens}", self.request("POST", tokens, request))["status"]["token"])

    def grant(self, role: str, rules: Sequence[Json], *, to: str, namespace: str) -> None:
        """A new Role for a ServiceAccount of the namespace."""
        account = {"kind": "ServiceAccount", "name": to, "namespace": namespace}
        self._grant("Role", {"name": role, "namespace": namespace}, rules=rules, account=account)

    def _owned_by(self, namespace: str, name: str) -> Json:
        owner = self.get(path_of("v1", "Namespace", name=namespace))
        if owner is None:
            raise LookupError(f"no namespace {namespace}")
        reference = {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": owner["metadata"]["uid"]}
        return {"name": name, "ownerReferences": [reference]}

    def _grant(self, kind: str, metadata: Json, *, rules: Sequence[Json], account: Json) -> None:
        version = "rbac.authorization.k8s.io/v1"
        self.create({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": list(rules)})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]}
        self.create(
            {
                "apiVersion": version,
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": role,
                "subjects": [account],
            }
        )


def wait_for(condition: Callable[[], T | None], timeout: float, *, what: str) -> T:
    """Blocks: inside an event loop that serves the thing waited for, call it through `asyncio.to_thread`."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {timeout:g} s; last seen: {found!r}")
        time.sleep(POLL_EVERY)
    return found


def write_kubeconfig(path: pathlib.Path, *, server: str, ca_file: pathlib.Path, user: str, token: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def path_of(api_version: str, kind: str, *, namespace: str = "", name: str = "") -> str:
    """The URL path of an object, or of its collection without `name`; cluster-wide without `namespace`."""
    prefix = "/apis" if "/" in api_version else "/api"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}/{api_version}{within}/{plural(kind)}" + (f"/{name}" if name else "")


def path_of_manifest(manifest: Json) -> str:
    name = manifest["metadata"]["name"]
    return path_of(manifest["apiVersion"], manifest["kind"], namespace=namespace_of(manifest), name=name)


def namespace_of(manifest: Json) -> str:
    return str(manifest["metadata"].get("namespace", ""))


def plural(kind: str) -> str:
    """Right for every built-in kind but Endpoints, whose singular is its plural."""
    word = kind.lower()
    if word.endswith("s"):
        return word if word == "endpoints" else f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def expected(what: str, reply: Reply) -> Json:
    if reply.status >= http.client.BAD_REQUEST:
        raise RefusedError(what, reply)
    return dict(reply.body)
