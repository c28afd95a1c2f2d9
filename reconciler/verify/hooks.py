"""How a hook does: it has succeeded when it has ended, not when it runs well."""

from reconciler import kinds
from reconciler.model import document, health, hooks, ids, manifests
from reconciler.verify import family, judgement, objects, scope

POD = ids.KindKey("", "Pod")


def assess(
    manifest: manifests.Manifest,
    found: document.Json | None,
    *,
    relatives: family.Family,
    patience: judgement.Patience,
    asked: objects.Asked = objects.NOTHING_ASKED,
) -> health.Health:
    """As `objects.assess`, for the object that a hook has made."""
    if not scope.has_health(manifest.key):
        state = health.State.HEALTHY if found else health.State.MISSING
        return health.Health(manifest.key, state, "exists" if found else "is not there")
    judged = objects.assess(manifest, found, relatives=relatives, patience=patience, asked=asked)
    if found is not None and judged.state is health.State.SUSPENDED and kinds.of(manifest.key) is None:
        return health.Health(manifest.key, health.State.HEALTHY, judged.because)  # nothing more will ever be said of it
    running = found is not None and document.text(found, "status", "phase") != "Succeeded"
    if manifest.key.kind_key == POD and running and judged.state is health.State.HEALTHY:
        return health.Health(manifest.key, health.State.PROGRESSING, "is running, and has not ended yet")
    if manifest.key.kind_key in hooks.RUNS and found is None and judged.state is health.State.MISSING:
        because = judged.because if "ttlSecondsAfterFinished" in judged.because else "was deleted before it had ended"
        return health.Health(manifest.key, judged.state, because)
    return judged
