"""What a daemon leaves behind, seen from outside: live objects, effects, target record, chain, audit log."""

import asyncio
import collections
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from reconciler.edges.journal import audit
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import records
from tests.support import site

KINDS = {
    "configmaps": "/api/v1/namespaces/{}/configmaps",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
}


@dataclass(slots=True)
class Outside:
    """Looks at one site; `names` are the objects that its applications may have."""

    where: site.Site
    names: Collection[str]
    versions: dict[str, str] = field(default_factory=dict)
    """Resource version of each kind's list at `mark`: effects are counted from there."""

    def mark(self) -> None:
        self.versions = {plural: self._list(prefix)["metadata"]["resourceVersion"] for plural, prefix in KINDS.items()}

    def _list(self, prefix: str) -> dict[str, Any]:
        found = self.where.cluster.get(prefix.format(self.where.namespace))
        assert found is not None
        return found

    def objects(self) -> Iterator[str]:
        """What is live and managed, without what differs from run to run."""
        for prefix in KINDS.values():
            for item in self._list(prefix)["items"]:
                if not self._ours(item):
                    continue
                meta = item["metadata"]
                kept = {
                    "name": meta["name"],
                    "labels": meta.get("labels"),
                    **{k: item.get(k) for k in ("spec", "data")},
                }
                yield json.dumps(kept, sort_keys=True).replace(self.where.namespace, "…")

    def effects(self) -> dict[str, int]:
        """How often each managed object became another one: new data, another generation, made, deleted."""
        found: dict[str, list[object]] = collections.defaultdict(list)
        for plural, prefix in KINDS.items():
            since = f"{prefix.format(self.where.namespace)}?watch=1&timeoutSeconds=1&resourceVersion="
            text = self.where.cluster.request("GET", since + self.versions[plural]).body
            for event in map(json.loads, text.splitlines() if isinstance(text, str) else ()):
                item = event["object"]
                if not self._ours(item):
                    continue
                meta = item["metadata"]
                state = (
                    ("gone",) if event["type"] == "DELETED" else (meta["uid"], meta.get("generation"), item.get("data"))
                )
                states = found[f"{plural}/{meta['name']}"]
                if not states or states[-1] != state:
                    states.append(state)
        return {name: len(states) for name, states in found.items()}

    def record(self, ledger: records.Ledger) -> tuple[object, ...]:
        """The target record, held against the journal."""
        found = self._list(KINDS["configmaps"])
        data = next((item["data"] for item in found["items"] if "last-good" in item.get("data", ())), None)
        if data is None or ledger.last_good is None:
            return ("missing",)
        quarantined = [found.input_digest for found in ledger.quarantined]
        return data["last-good"] == ledger.last_good.input_digest, json.loads(data["quarantined"]) == quarantined

    def _ours(self, item: dict[str, Any]) -> bool:
        return item["metadata"]["name"] in self.names


def broken_chain(where: site.Site) -> str:
    """Why the journal is not sound; '' when it is."""
    return asyncio.run(_broken_chain(where))


async def _broken_chain(where: site.Site) -> str:
    journal = await sql_journal.open_journal(where.state / "journal.db", read_only=True)
    try:
        broken = (await audit.verify(journal)).broken
        return broken.because if broken else ""
    finally:
        await journal.close()


def unlike_the_audit_log(where: site.Site, *, after: int) -> list[str]:
    """How counted calls since `after` and intents do not belong together: each call has one intent, each intent that
    was carried out one call (I1)."""
    calls = collections.Counter(line["auditID"] for line in where.counted_calls(after=after))
    known = dict(where.rows("SELECT operation, result FROM intents WHERE verb != 'push'"))
    found = [f"call {operation} without an intent" for operation in calls.keys() - known.keys()]
    return found + [f"call {operation} made {count} times" for operation, count in calls.items() if count > 1]
