"""The order of a list that an apply merges into another."""

from collections.abc import Iterator, Sequence


def merged(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """The steps of both lists, each once: the new ones in their order, between them what only the old one has, behind
    what it came after, as far as both orders allow.

    Step by step structured-merge-diff's `visitListItems`: another order of containers is another generation, and so
    a rollout.
    """
    in_old, in_new, taken = set(old), set(new), set[str]()
    shared = [step for step in new if step in in_old]
    coming = left = right = 0  # `coming`: the place in `shared` of what both have next
    while left < len(old) or right < len(new):
        if left < len(old) and right < len(new):
            if old[left] == new[right]:
                taken.add(old[left])
                yield old[left]
                left, right, coming = left + 1, right + 1, coming + 1
                continue
            if old[left] in in_new and coming < len(shared) and shared[coming] != old[left]:
                left += 1  # it comes where the new list has it
                continue
        if left < len(old):
            if old[left] not in in_new:
                yield old[left]
                left += 1
                continue
            if old[left] in taken:
                left += 1
        if right < len(new):
            taken.add(new[right])
            yield new[right]
            if coming < len(shared) and shared[coming] == new[right]:
                coming += 1
            right += 1
