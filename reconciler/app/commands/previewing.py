"""`plan`: what the daemon would do, found out beside it."""

import pathlib
from collections.abc import Callable

from reconciler import errors
from reconciler.app import beside, opening, sandboxes
from reconciler.app.commands import showing
from reconciler.edges.git import place
from reconciler.model import document, ids
from reconciler.pipeline import previewing
from reconciler.settings import deployment

Previews = previewing.Previews


async def preview(
    config: pathlib.Path,
    *,
    environment: str | None,
    wanted: Callable[[ids.TargetKey], bool],
    ref: str,
    empty_sandboxes: bool = False,
) -> Previews:
    """The plans of the wanted targets at the pinned ref, or at `ref`: a branch, a full ref, or a commit of the pinned
    ref. Clusters that are sandboxes are the daemon's, which cannot be asked, or, if wanted, empty ones. Raises
    `errors.InvalidInput` for an environment or a ref that cannot be."""
    its = narrowed(opening.settings(config), environment)
    looked_at, models = full_ref(ref), sandboxes.Sandboxes() if empty_sandboxes else None
    async with (
        beside.journal_or_none(its) as (journal, lonely),
        beside.build(its, journal, ref=looked_at, models=models) as found,
    ):
        setting = previewing.Setting(
            elsewhere=bool(ref), lonely=lonely and not empty_sandboxes, unreachable=found.unreachable
        )
        previews = await previewing.Previewing(found.here, setting).all(wanted)
    if not previews.found and not previews.troubles:
        raise errors.InvalidInput(("no target fits: nothing is planned",))
    return previews


def narrowed(its: deployment.Deployment, environment: str | None) -> deployment.Deployment:
    """The settings with the environment's repository alone, and all that is deployed from it. Raises
    `errors.InvalidInput` for an environment that there is not."""
    if environment is None:
        return its
    showing.configured(its, environment)
    repository = its.environments[environment].repository
    mine = {name: found for name, found in its.environments.items() if found.repository == repository}
    return its.model_copy(update={"environments": mine, "repositories": {repository: its.repositories[repository]}})


def full_ref(ref: str) -> str:
    """`fix` → `refs/heads/fix`; a full ref, a full commit id and '' stay."""
    if not ref or ref.startswith("refs/") or place.REVISION.fullmatch(ref):
        return ref
    return f"refs/heads/{ref}"


def text(found: Previews) -> str:
    """All plans for a terminal."""
    parts = [*(previewing.text(preview) for preview in found.found), *(f"{trouble}\n" for trouble in found.troubles)]
    return "\n".join(parts)


def markdown(found: Previews) -> str:
    """All plans for a pull request."""
    parts = [previewing.markdown(preview) for preview in found.found]
    return "\n".join([*parts, *(f"> **{trouble}**\n" for trouble in found.troubles)])


def data(found: Previews) -> document.Json:
    """For a script. Names are stable."""
    return {
        "changes": found.changes,
        "held": found.held,
        "targets": [previewing.data(preview) for preview in found.found],
        "troubles": list(found.troubles),
    }
