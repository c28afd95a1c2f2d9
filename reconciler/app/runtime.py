"""The self-check of a daemon that starts: what it stands on is what it was made for (I25)."""

from reconciler import errors
from reconciler.edges import versions
from reconciler.edges.kubernetes import proving
from reconciler.settings import deployment


async def check(its: deployment.Deployment) -> None:
    """Raises `errors.Terminal` with everything that is wrong: nothing has been done then, and nothing is."""
    problems = list(versions.complaints())
    if old := versions.old_git(await versions.git()):
        problems.append(f"{old}; install a newer one")
    if not problems and any(not cluster.sandbox for cluster in its.clusters.values()):
        await proving.authorization_is_sent()
    if problems:
        raise errors.Terminal("this installation is not one to run: " + "; ".join(problems))
