"""What `doctor` asks of a cluster. Read-only: reviews and discovery."""

import datetime
import email.utils
from collections.abc import Sequence

from reconciler import errors, ports
from reconciler.edges.kubernetes import discovery, replies, rights, session
from reconciler.model import ids, live

LARGEST_SKEW = 10.0
"""Seconds between our clock and the server's. Tokens are refused beyond about a minute; times in the journal and in
the cluster must be comparable well before."""

CONFIG_MAPS = ids.KindKey("", "ConfigMap")


class Checks:
    def __init__(
        self,
        opened: session.Session,
        served: discovery.Discovery,
        *,
        its_rights: rights.Rights,
        namespace_for_records: str,
    ) -> None:
        self._session, self._served, self._rights = opened, served, its_rights
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
        return (reached, who, skew, await self._target_records(facts, user=user))

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
        subject, resource = "target records", facts.preferred(CONFIG_MAPS)
        if resource is None:
            return ports.Finding(subject, None, f"the cluster does not serve {CONFIG_MAPS}")
        try:
            missing = await self._rights.missing(("get", "list", "create", "patch"), resource, namespace=self._records)
        except errors.Transient as error:
            return ports.Finding(subject, None, str(error))
        if missing:
            remedy = _remedy(resource, missing, user=user, namespace=self._records)
            return ports.Finding(subject, False, f"no {', '.join(missing)} of ConfigMaps in {self._records}", remedy)
        return ports.Finding(subject, True, f"may be kept in namespace {self._records}")


def _remedy(resource: live.ResourceType, verbs: Sequence[str], *, user: str, namespace: str) -> str:
    """Two commands that grant what is missing."""
    role = "reconciler-records"
    account = user.removeprefix("system:serviceaccount:")
    subject = f"--serviceaccount={account}" if account != user else f"--user={user or 'USER'}"
    make = f"kubectl create role {role} -n {namespace} --verb={','.join(verbs)} --resource={resource.plural}"
    return f"{make} && kubectl create rolebinding {role} -n {namespace} --role={role} {subject}"
