"""Time and chance of the machine."""

import asyncio
import datetime
import random
import time
import uuid


class SystemClock:
    """Fulfils `ports.Clock`."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemChance:
    """Fulfils `ports.Chance`."""

    def operation_id(self) -> str:
        return str(uuid.uuid4())

    def jitter(self, seconds: float) -> float:
        return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - spreads polls, keeps no secret
