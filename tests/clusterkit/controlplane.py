"""Starting a control plane: etcd, API server, controllers, scheduler and kwok, on loopback, in a temporary folder."""

import contextlib
import pathlib
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tests.clusterkit import access, processes

KIT = pathlib.Path(__file__).parents[1] / "control-plane"
READY_WITHIN = 60.0  # seconds; 3–5 are usual on two idle cores
ATTEMPTS = 3
CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok")
# Below the range from which the kernel takes the ports of outgoing connections: a port from that range could be taken
# by a client while the API server is down, even by the very client that tries to reach it there.
PORTS = range(20_000, 32_000)

# Reads are left out, or the log would be mostly watches.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata, verbs: [create, update, patch, delete, deletecollection]}]
"""

NODE: access.Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1", "labels": {"kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux"}},
    "status": {
        "allocatable": {"cpu": "512", "memory": "2048Gi", "ephemeral-storage": "2048Gi", "pods": "10000"},
        "capacity": {"cpu": "512", "memory": "2048Gi", "ephemeral-storage": "2048Gi", "pods": "10000"},
    },
}


class ControlPlane(access.ClusterAccess):
    """A control plane that this process owns, so that it can also take its API server away."""

    def __init__(self, folder: pathlib.Path, *, parts: dict[str, processes.Part]) -> None:
        super().__init__(folder)
        self._parts = parts

    def stop_api_server(self) -> None:
        """Connections break and new ones are refused. The data stays: etcd goes on."""
        self._parts["kube-apiserver"].kill()

    def start_api_server(self) -> None:
        """On the same port, with the same certificate and tokens; returns when it is ready."""
        self._parts["kube-apiserver"].start()
        self.wait_for(self._ready, READY_WITHIN, what="the API server being ready")

    def restart_controllers(self) -> None:
        """After an outage they rest up to half a minute before they try again: tests have no use for that. kwok comes
        back by itself: a fresh one forgets the pods that were made before it holds the node's lease, for good."""
        for name in ("kube-controller-manager", "kube-scheduler"):
            self._parts[name].kill()
            self._parts[name].start()

    def freeze_api_server(self) -> None:
        """Connections stay open and nothing is answered, as with a network that swallows packets."""
        self._parts["kube-apiserver"].freeze()

    def thaw_api_server(self) -> None:
        self._parts["kube-apiserver"].thaw()

    def start(self) -> None:
        """Raises PartEndedError, with the tail of its log, when a part does not stay up."""
        for name in ("etcd", "kube-apiserver"):
            self._parts[name].start()
        self.wait_for(self._ready, READY_WITHIN, what="the API server being ready")
        if "kwok" not in self._parts:
            return
        for name in CONTROLLERS:
            self._parts[name].start()
        self.create(NODE)
        self.wait_for(self._pods_can_run, READY_WITHIN, what="the node being ready for pods")

    def _ready(self) -> bool:
        self.check()
        try:
            return self.request("GET", "/readyz").status == 200
        except OSError:
            return False  # not listening yet, or its certificate is not written yet

    def _pods_can_run(self) -> bool:
        self.check()
        node = self.get("/api/v1/nodes/node-1") or {}
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
        return ready and not node["spec"].get("taints") and self.pods_can_run_in("default")

    def check(self) -> None:
        for part in self._parts.values():
            part.check()

    def end(self) -> None:
        for part in reversed(self._parts.values()):
            part.kill()


@contextlib.contextmanager
def running(*, api_server_flags: Sequence[str] = (), controllers: bool = True) -> Iterator[ControlPlane]:
    """
    A ready control plane that ends with the block, or with this process if that is killed.

    `controllers=False` starts only etcd and the API server: faster, and nothing but the test writes. Raises
    PartEndedError or TimeoutError when it cannot be started.
    """
    binary = built_binary()
    with contextlib.ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            folder = stack.enter_context(processes.owned_folder())
            cluster = prepared(binary, folder, api_server_flags=api_server_flags, controllers=controllers)
            stack.callback(cluster.end)
            try:
                cluster.start()
            except processes.PartEndedError:
                # Another process may have taken a port between our look and the start; anything else fails again.
                cluster.end()
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        yield cluster


def built_binary() -> pathlib.Path:
    """The cached binary; a first build shows its progress on standard error."""
    command = [sys.executable, str(KIT / "build.py")]
    return pathlib.Path(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())


def prepared(
    binary: pathlib.Path, folder: pathlib.Path, *, api_server_flags: Sequence[str], controllers: bool
) -> ControlPlane:
    """Everything that the parts read, written; nothing started."""
    etcd, peer, api, kwok = (f"127.0.0.1:{port}" for port in free_ports(4))
    token = secrets.token_hex(16)
    write_private(folder / "tokens.csv", f"{token},admin,admin,system:masters\n")
    (folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
    (folder / "audit.log").touch()
    subprocess.run([binary, "keygen", folder / "sa.key"], check=True)
    certificate = folder / "certs/apiserver.crt"  # written by the API server, signed by itself
    access.write_kubeconfig(
        folder / "kubeconfig", server=f"https://{api}", ca_file=certificate, user="admin", token=token
    )
    commands = {"etcd": etcd_flags(folder, client=etcd, peer=peer)}
    commands["kube-apiserver"] = [*api_server_command(folder, etcd=etcd, address=api), *api_server_flags]
    if controllers:
        commands |= controller_flags(folder, certificate=certificate, kwok=kwok)
    parts = {
        name: processes.Part(name, command=[str(binary), name, *flags], folder=folder)
        for name, flags in commands.items()
    }
    return ControlPlane(folder, parts=parts)


def etcd_flags(folder: pathlib.Path, *, client: str, peer: str) -> list[str]:
    return [
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls=http://{client}",
        f"--advertise-client-urls=http://{client}",
        f"--listen-peer-urls=http://{peer}",
        f"--initial-advertise-peer-urls=http://{peer}",
        f"--initial-cluster=default=http://{peer}",
        "--unsafe-no-fsync",  # the data need not outlive the machine
        "--log-level=error",
    ]


def api_server_command(folder: pathlib.Path, *, etcd: str, address: str) -> list[str]:
    host, _, port = address.partition(":")
    return [
        f"--etcd-servers=http://{etcd}",
        f"--bind-address={host}",
        f"--advertise-address={host}",
        f"--secure-port={port}",
        f"--cert-dir={folder}/certs",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder}/sa.key",
        f"--service-account-signing-key-file={folder}/sa.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={folder}/audit-policy.yaml",
        f"--audit-log-path={folder}/audit.log",
        "--audit-log-mode=blocking-strict",  # a write's line is in the file before its reply ends
    ]


def controller_flags(folder: pathlib.Path, *, certificate: pathlib.Path, kwok: str) -> dict[str, list[str]]:
    common = [f"--kubeconfig={folder}/kubeconfig"]
    quick = ["--leader-elect=false", "--secure-port=0", "--kube-api-qps=1000", "--kube-api-burst=2000"]
    accounts = [
        f"--service-account-private-key-file={folder}/sa.key",
        "--use-service-account-credentials",
        f"--root-ca-file={certificate}",
    ]
    return {
        "kube-controller-manager": [*common, *quick, *accounts, "--horizontal-pod-autoscaler-sync-period=1s"],
        "kube-scheduler": [*common, *quick],
        "kwok": [*common, f"--server-address={kwok}", f"--config={KIT}/kwok.yaml"],
    }


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for port in random.sample(PORTS, len(PORTS)):
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"no {count} free ports on loopback between {PORTS.start} and {PORTS.stop}")


def write_private(path: pathlib.Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
