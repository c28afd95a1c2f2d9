"""Chance that comes out the same for the same seed, on every machine."""

import hashlib
import itertools

SPREAD = 0.1
"""How far jitter varies, either way: `ports.Chance` promises it."""


class SeededChance:
    """Fulfils `ports.Chance`: draw after draw is a digest of the seed and its number."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._draws = itertools.count()

    def operation_id(self) -> str:
        """A UUID of version 4 in its form."""
        text = self._draw().hex()[:32]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

    def jitter(self, seconds: float) -> float:
        part = int.from_bytes(self._draw()[:6]) / (1 << 48)
        return seconds * (1 - SPREAD + 2 * SPREAD * part)

    def _draw(self) -> bytes:
        return hashlib.sha256(f"{self._seed} {next(self._draws)}".encode()).digest()
