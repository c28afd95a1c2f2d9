"""A target record as its ConfigMap: the journal's anchor in the cluster (S1)."""

import re

import orjson

from reconciler.model import document, ids, records

MANAGER = "reconciler-records"
"""The field manager of target records."""
SELECTOR = "reconciler.dev/target-record"
"""The label by which all of them are listed."""
LABELS: document.Json = {"app.kubernetes.io/managed-by": "reconciler", SELECTOR: "true"}
LONGEST_NAME = 253
COUNTS = 2**53
"""What its numbers stay below. Any number can be written into a ConfigMap; SQLite holds none of 2**63 or more."""


def name_of(target: ids.TargetKey) -> str:
    """`reconciler-<environment>-<application>`. With a digest where that is no name, or could be two targets':
    `a-b/c` and `a/b-c`."""
    plain = f"reconciler-{target.environment}-{target.application}"
    fits = len(plain) <= LONGEST_NAME and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", plain)
    if fits and "-" not in target.environment:
        return plain
    readable = re.sub(r"[^a-z0-9]+", "-", plain.lower())[:200].strip("-")
    return f"{readable}-{document.digest(str(target))[:16]}"


def fields(record: records.TargetRecord) -> dict[str, str]:
    """The record as the data of a ConfigMap: short texts for people, the list as JSON."""
    return {
        "target": str(record.target),
        "installation": record.installation,
        "epoch": str(record.epoch),
        "last-good": record.last_good,
        "quarantined": orjson.dumps(record.quarantined).decode(),
        "inventory-digest": record.inventory_digest,
        "sequence": str(record.sequence),
        "head-hash": record.head_hash,
        "revision": record.revision,
        "deployed": record.deployed,
        "pause": orjson.dumps([record.pause.who, record.pause.why, record.pause.at]).decode() if record.pause else "",
        "stopped": record.stopped,
    }


FIELDS = (
    "target",
    "installation",
    "epoch",
    "last-good",
    "quarantined",
    "inventory-digest",
    "sequence",
    "head-hash",
    "revision",
    "deployed",
    "pause",
    "stopped",
)


def parse(data: document.Json) -> records.TargetRecord:
    """The inverse of `fields`. Raises ValueError when a field is absent or of another shape."""
    found: dict[str, str] = {}
    for name in FIELDS:
        value = data.get(name)
        if not isinstance(value, str):
            raise ValueError(f"its field {name} is missing")
        found[name] = value
    quarantined = orjson.loads(found["quarantined"])
    if not isinstance(quarantined, list) or not all(isinstance(digest, str) for digest in quarantined):
        raise ValueError("its field quarantined is no list of digests")
    return records.TargetRecord(
        target=ids.TargetKey.parse(found["target"]),
        installation=found["installation"],
        epoch=_count("epoch", found["epoch"]),
        last_good=found["last-good"],
        quarantined=tuple(quarantined),
        inventory_digest=found["inventory-digest"],
        sequence=_count("sequence", found["sequence"]),
        head_hash=found["head-hash"],
        revision=found["revision"],
        deployed=found["deployed"],
        pause=_pause(found["pause"]),
        stopped=found["stopped"],
    )


def _count(name: str, text: str) -> int:
    number = int(text)
    if not 0 <= number < COUNTS:
        raise ValueError(f"its field {name} is no number from 0 to {COUNTS - 1}")
    return number


def _pause(text: str) -> records.Pause | None:
    if not text:
        return None
    told = orjson.loads(text)
    if not isinstance(told, list) or len(told) != 3 or not all(isinstance(part, str) for part in told):
        raise ValueError("its field pause does not say who, why and when")
    return records.Pause(*told)
