"""Heartbeats: every loop has a deadline, and a missed one is seen (I21)."""

from dataclasses import dataclass, field

from reconciler import ports


@dataclass(slots=True)
class Beats:
    """When each loop was last seen alive, in monotonic seconds, and how long it may be silent."""

    clock: ports.Clock
    _last: dict[str, tuple[float, float]] = field(default_factory=dict)

    def beat(self, loop: str, *, within: float) -> None:
        """`loop` is alive and will say so again within that many seconds."""
        self._last[loop] = (self.clock.monotonic(), within)

    def forget(self, loop: str) -> None:
        """`loop` was ended on purpose."""
        self._last.pop(loop, None)

    def late(self) -> tuple[str, ...]:
        """The loops that missed their deadline, one sentence each."""
        now = self.clock.monotonic()
        return tuple(
            f"{loop}: silent for {now - last:.0f} s, expected every {within:.0f} s"
            for loop, (last, within) in sorted(self._last.items())
            if now - last > within
        )

    def ages(self) -> dict[str, float]:
        """Seconds since each loop's newest beat."""
        now = self.clock.monotonic()
        return {loop: now - last for loop, (last, _) in self._last.items()}
