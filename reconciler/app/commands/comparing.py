"""`diff`: Git against the clusters, beside the daemon or without one."""

import pathlib
from dataclasses import dataclass

from reconciler.app.commands import previewing
from reconciler.model import differences, document, ids
from reconciler.pipeline import comparing


@dataclass(frozen=True, slots=True)
class Compared:
    """`troubles`: one sentence for each repository that could not be read."""

    found: tuple[differences.Comparison, ...]
    troubles: tuple[str, ...]

    @property
    def differ(self) -> bool:
        return any(one.differences for one in self.found)

    @property
    def whole(self) -> bool:
        """Whether everything could be compared."""
        return not self.troubles and not any(one.uncompared for one in self.found)


async def compare(
    config: pathlib.Path, target: ids.TargetKey | None, *, environment: str | None, wanted: ids.Choice, ref: str
) -> Compared:
    """One target, or all that are wanted, at the pinned ref or at `ref` (see `previewing.preview`)."""

    def fits(key: ids.TargetKey) -> bool:
        return target in (None, key) and wanted(key)

    asked = target.environment if target else environment
    found = await previewing.preview(config, environment=asked, wanted=fits, ref=ref)
    return Compared(tuple(comparing.compare(one) for one in found.found), found.troubles)


def data(found: Compared) -> document.Json:
    """For scripts. Names are stable; `before` is the cluster's value, `after` Git's, null where there is none."""
    return {
        "differ": found.differ,
        "whole": found.whole,
        "troubles": list(found.troubles),
        "targets": [
            {
                "target": str(one.target),
                "revision": one.revision or None,
                "uncompared": list(one.uncompared),
                "objects": [
                    {
                        "group": difference.key.group,
                        "kind": difference.key.kind,
                        "namespace": difference.key.namespace or None,
                        "name": difference.key.name,
                        "in": difference.side.value,
                        "because": difference.because,
                        "fields": [
                            {"path": field.path, "before": field.before, "after": field.after}
                            for field in difference.fields
                        ],
                    }
                    for difference in one.differences
                ],
            }
            for one in found.found
        ],
    }
