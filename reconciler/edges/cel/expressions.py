"""Health checks of `application.yaml`, evaluated in a boxed child that is killed when it takes too long."""

from collections.abc import Sequence

import orjson

from reconciler import errors
from reconciler.edges.boxed import box, pool
from reconciler.model import health, live, sources, targets

CHILD = box.command("reconciler.edges.cel.child")
LIMITS = box.Limits(
    wall=5.0,  # starting on a busy machine counts, too
    cpu=60,
    memory=768 << 20,  # 150 MiB of address space are the library's
    request=4 << 20,  # etcd takes objects up to 1.5 MiB
    output=64 << 10,
    renders=5_000,
)
OBJECT = "object.json"


class Cel:
    """Fulfils `ports.Expressions`. Starts no child before the first question. Close it at the end."""

    def __init__(self, *, limits: box.Limits = LIMITS, workers: int = 1, command: Sequence[str] = CHILD) -> None:
        self._pool = pool.Pool("CEL", limits=limits, workers=workers, command=command)

    async def evaluate(self, check: targets.HealthCheck, found: live.LiveObject) -> health.Answer:
        """As `ports.Expressions` says."""
        request: dict[str, object] = {"expressions": check.expressions}
        try:
            text = await self._pool.render(str(found.meta.key), request, files=(sources.File(OBJECT, "", found.body),))
        except (errors.Transient, errors.InvalidInput) as error:
            return health.Answer(problem=f"{check.place}: {error}")
        answers = orjson.loads(text)
        for name, answer in zip(("inProgress", "failed", "current"), answers, strict=True):
            if isinstance(answer, str):
                return health.Answer(problem=f"{check.place}.{name}: {answer}")
        in_progress, failed, current = (answer is True for answer in answers)
        return health.Answer(in_progress, failed, current)

    async def close(self) -> None:
        """End the child."""
        await self._pool.close()
