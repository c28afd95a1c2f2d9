"""What `doctor` asks of a cluster. Read-only: reviews and discovery."""

import asyncio
import datetime
import email.utils
from collections.abc import Sequence

from reconciler import errors, ports
from reconciler.edges.kubernetes import discovery, replies, rights, session
from reconciler.model import ids, live

LARGEST_SKEW = 10.0
"""Seconds between our clock and the server's. Tokens are refused beyond about a minute; times in the journal and in
the cluster must be comparable well before."""

VERBS = ("get", "list", "watch", "create", "patch", "delete")
KINDS = (
    ids.KindKey("", "ConfigMap"),
    ids.KindKey("", "Secret"),
    ids.KindKey("", "Service"),
    ids.KindKey("", "ServiceAccount"),
    ids.KindKey("apps", "Deployment"),
    ids.KindKey("apps", "StatefulSet"),
    ids.KindKey("batch", "Job"),
    ids.KindKey("autoscaling", "HorizontalPodAutoscaler"),
    ids.KindKey("networking.k8s.io", "Ingress"),
    ids.KindKey("networking.k8s.io", "NetworkPolicy"),
    ids.KindKey("policy", "PodDisruptionBudget"),
)
"""Managed kinds that most applications are made of."""
WATCHED = (ids.KindKey("", "Pod"), ids.KindKey("apps", "ReplicaSet"))
"""Never written, but the health of a rollout is read from them."""


class Checks:
    def __init__(
        self,
        opened: session.Session,
        served: discovery.Discovery,
        *,
        its_rights: rights.Rights,
        namespaces: Sequence[str],
        namespace_for_records: str,
    ) -> None:
        """`namespaces`: where rights are looked for that do not reach the whole cluster."""
        self._session, self._served, self._rights = opened, served, its_rights
        self._namespaces = tuple(namespaces)
        self._records = namespace_for_records

    async def findings(self) -> tuple[ports.Finding, ...]:
        """Everything, or as far as it goes: nothing can be asked of a server that is not there."""
        try:
            reply = await self._session.request("GET", "/version")
            facts = await self._served.facts(fresh=True)
        except errors.ReconcilerError as error:
            remedy = "check the server's address and the network; `kubectl version` with the same kubeconfig must work"
            return (ports.Finding("API server", False, str(error), remedy),)
        reached = ports.Finding("API server", True, f"{self._session.server} serves Kubernetes {facts.version}")
        user, who = await self._who()
        skew = self._clock(reply)
        granted = await asyncio.gather(
            *(self._kind(kind, facts, verbs=VERBS, user=user) for kind in KINDS),
            *(self._kind(kind, facts, verbs=("get", "list", "watch"), user=user) for kind in WATCHED),
        )
        return (reached, who, skew, *granted, await self._target_records(facts, user=user))

    async def _who(self) -> tuple[str, ports.Finding]:
        """Our user, and whether our credentials really arrive: kubernetes 36.0.0 once lost the header (I25)."""
        subject = "credentials"
        try:
            user = await self._rights.who()
        except errors.Transient as error:
            return "", ports.Finding(subject, None, str(error), "check the kubeconfig's user")
        if user in ("", rights.ANONYMOUS):
            because = "the API server sees us as system:anonymous: no credentials are sent, or it does not accept them"
            return user, ports.Finding(subject, False, because, "give the kubeconfig's user a token or a certificate")
        return user, ports.Finding(subject, True, f"the API server sees us as {user}")

    def _clock(self, reply: replies.Reply) -> ports.Finding:
        try:
            theirs = email.utils.parsedate_to_datetime(reply.headers.get("date", ""))
        except ValueError:
            return ports.Finding("clock", None, "the API server does not tell its time")
        skew = (datetime.datetime.now(datetime.UTC) - theirs).total_seconds()
        because = f"our clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the API server's"
        if abs(skew) > LARGEST_SKEW:
            return ports.Finding("clock", False, because, "synchronise both with NTP")
        return ports.Finding("clock", True, because)

    async def _target_records(self, facts: live.ClusterFacts, *, user: str) -> ports.Finding:
        subject, resource = "target records", facts.preferred(KINDS[0])
        if resource is None:
            return ports.Finding(subject, None, f"the cluster does not serve {KINDS[0]}")
        try:
            missing = await self._rights.missing(("get", "list", "create", "patch"), resource, namespace=self._records)
        except errors.Transient as error:
            return ports.Finding(subject, None, str(error))
        if missing:
            remedy = _remedy(resource, missing, user=user, namespaces=(self._records,))
            return ports.Finding(subject, False, f"no {', '.join(missing)} of ConfigMaps in {self._records}", remedy)
        return ports.Finding(subject, True, f"may be kept in namespace {self._records}")

    async def _kind(
        self, kind: ids.KindKey, facts: live.ClusterFacts, *, verbs: Sequence[str], user: str
    ) -> ports.Finding:
        subject = f"rights on {kind}"
        resource = facts.preferred(kind)
        if resource is None:
            return ports.Finding(subject, None, f"the cluster does not serve {kind}")
        try:
            missing = await self._rights.missing(verbs, resource, namespace="")
            if not missing:
                return ports.Finding(subject, True, f"{', '.join(verbs)} in all namespaces")
            where = {
                namespace: await self._rights.missing(missing, resource, namespace=namespace)
                for namespace in self._namespaces
            }
        except errors.Transient as error:
            return ports.Finding(subject, None, str(error))
        lacking = {namespace: verbs for namespace, verbs in where.items() if verbs}
        if where and not lacking:
            return ports.Finding(subject, True, f"{', '.join(verbs)} in {', '.join(where)}")
        because = "; ".join(f"no {', '.join(verbs)} in {namespace}" for namespace, verbs in lacking.items())
        return ports.Finding(
            subject,
            # Without a list of namespaces to look at, rights that do not reach all of them may still be enough.
            ok=False if where else None,
            because=because or f"no {', '.join(missing)} across all namespaces; there may be rights in single ones",
            remedy=_remedy(resource, missing, user=user, namespaces=tuple(lacking)),
        )


def _remedy(resource: live.ResourceType, verbs: Sequence[str], *, user: str, namespaces: Sequence[str]) -> str:
    """Two commands that grant what is missing."""
    role = f"reconciler-{resource.plural}"
    what = f"{resource.plural}.{resource.kind.group}" if resource.kind.group else resource.plural
    account = user.removeprefix("system:serviceaccount:")
    subject = f"--serviceaccount={account}" if account != user else f"--user={user or 'USER'}"
    make = f"kubectl create clusterrole {role} --verb={','.join(verbs)} --resource={what}"
    if not namespaces:
        return f"{make} && kubectl create clusterrolebinding {role} --clusterrole={role} {subject}"
    bind = [f"kubectl create rolebinding {role} -n {name} --clusterrole={role} {subject}" for name in namespaces]
    return " && ".join([make, *bind])
