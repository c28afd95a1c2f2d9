"""What we may do, asked of the API server: exact for each verb, kind and namespace."""

import asyncio
from collections.abc import Sequence

from reconciler.edges.kubernetes import discovery, replies, session
from reconciler.model import document, live, rights

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ANONYMOUS = "system:anonymous"
AT_ONCE = 16
"""Reviews under way: `doctor` asks some hundreds, and a person waits for them."""


class Rights:
    """Access reviews. They are no counted calls."""

    def __init__(self, opened: session.Session) -> None:
        self._session = opened

    async def missing(self, verbs: Sequence[str], resource: live.ResourceType, *, namespace: str) -> tuple[str, ...]:
        """Those of `verbs` that we may not; `namespace` '': in all of them. Raises `errors.Transient`."""
        return tuple([verb for verb in verbs if not await self._may(verb, resource, namespace=namespace)])

    async def _may(self, verb: str, resource: live.ResourceType, *, namespace: str) -> bool:
        attributes: document.Json = {
            "group": resource.kind.group,
            "resource": resource.plural,
            "verb": verb,
            "namespace": namespace if resource.namespaced else "",
        }
        found = await self._review(REVIEWS, "SelfSubjectAccessReview", {"resourceAttributes": attributes})
        return document.at(found, "status", "allowed") is True

    async def answer(self, needed: Sequence[rights.Need], served: discovery.Discovery) -> rights.Rights:
        """As `ports.Cluster.rights`."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(need: rights.Need) -> rights.Answer:
            async with slots:
                resource = await served.preferred(need.kind)
                if resource is None:
                    return rights.Answer(need, "", ())
                missing = await self.missing(need.verbs, resource, namespace=need.namespace)
                return rights.Answer(need, resource.plural, missing)

        answers = await asyncio.gather(*(one(need) for need in needed))
        return rights.Rights(await self.who(), tuple(answers))

    async def who(self) -> str:
        """The user as whom the API server sees us; `system:anonymous` when our credentials do not reach it."""
        found = await self._review(WHO, "SelfSubjectReview", {})
        return document.text(found, "status", "userInfo", "username")

    async def _review(self, path: str, kind: str, spec: document.Json) -> document.Json:
        group, version = path.split("/")[2:4]
        body = document.encode({"apiVersion": f"{group}/{version}", "kind": kind, "spec": spec})
        reply = await self._session.request("POST", path, body=body, headers={"Content-Type": "application/json"})
        if not reply.ok:
            raise replies.unanswered(reply, f"{kind} in cluster {self._session.cluster}")
        return reply.document()
