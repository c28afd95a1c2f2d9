"""Jobs and CronJobs. A Job has succeeded when it says Complete, and not before: a running one proves nothing."""

from reconciler.model import document, health, hooks
from reconciler.verify import family, judgement, pods


def job(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """Complete is healthy, Failed is the release's failure unless every pod was ended by its node."""
    if judgement.holds(found, "Complete"):
        return judgement.healthy("has completed")
    own = relatives.children(family.POD, of=found)
    if judgement.holds(found, "Failed"):
        return _failed(found, own, patience)
    if document.at(found, "spec", "suspend") is True:
        return judgement.suspended("is suspended: it does not run until `spec.suspend` goes")
    stuck = pods.worst(said for pod in own if (said := pods.setback(pod, patience)))
    if stuck and stuck.state is health.State.DEGRADED:
        return stuck
    active, done = document.number(found, "status", "active"), document.number(found, "status", "succeeded")
    wanted = document.number(found, "spec", "completions") or 1
    failures = document.number(found, "status", "failed")
    after = f", {failures} failed" if failures else ""
    return judgement.progressing(f"{done} of {wanted} completions, {judgement.count(active, 'pod')} running{after}")


def _failed(found: document.Json, own: tuple[document.Json, ...], patience: judgement.Patience) -> judgement.Judgement:
    ended = [pod for pod in own if document.text(pod, "status", "phase") == "Failed"]
    said = f"has failed{judgement.because_of(judgement.condition(found, 'Failed'))}"
    if ended and all(pods.disrupted(pod) for pod in ended):
        return judgement.troubled(f"{said}: {pods.judge(ended[0], patience).because}")
    own_doing = [pod for pod in ended if not pods.disrupted(pod)]
    return judgement.failed(f"{said}: {pods.judge(own_doing[0], patience).because}" if own_doing else said)


def gone(wanted: document.Json, patience: judgement.Patience) -> judgement.Judgement | None:
    """A Job that is not there; None when that is plainly missing.

    With `ttlSecondsAfterFinished` the cluster removes it after its end. Once the window of observation is open its
    success was seen. Before that, a failure would have ended this rollout if the Job had stayed long enough to be
    seen; if it did not, how it ended is not known, and not knowing is not passing.
    """
    ttl = document.at(wanted, "spec", "ttlSecondsAfterFinished")
    if not isinstance(ttl, int):
        return None
    if patience.observing or ttl >= hooks.TTL_SEEN:
        return judgement.suspended(f"has finished and was removed after its {ttl} s (`ttlSecondsAfterFinished`)")
    least = hooks.TTL_SEEN
    because = f"gone before its end was seen: give it a `ttlSecondsAfterFinished` of at least {least}, it has {ttl}"
    return judgement.Judgement(health.State.MISSING, because)


def cron_job(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    """Never waited for: its next run may be in a month, and a failed one may be from before this release."""
    if document.at(found, "spec", "suspend") is True:
        return judgement.suspended("is suspended: it starts no jobs until `spec.suspend` goes")
    last = document.text(found, "status", "lastScheduleTime")
    return judgement.healthy(f"started last at {last}" if last else "has not been due yet")
