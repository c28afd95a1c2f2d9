"""`dependsOn` over a whole environment: what names no application, and what waits for itself."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.settings import values


def wrong(name: str, depends: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, str]]:
    """What is wrong with the application's `dependsOn`: the place in the list, and a sentence with the remedy.

    `depends` has every application of the environment with the names in its own list.
    """
    for index, wanted in enumerate(depends[name]):
        if wanted == name:
            yield index, "is the application itself; remove the line"
        elif wanted not in depends:
            remedy = values.suggestion(wanted, depends) or "add its folder, or remove the line"
            yield index, f"{wanted!r} is no application of this environment; {remedy}"
        elif way := _way(wanted, name, depends):
            circle = " → ".join((name, *way))
            yield index, f"these applications wait for each other: {circle}; remove one of these lines"


def _way(start: str, goal: str, depends: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest way from one application to another over what each depends on; () where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        for following in depends.get(way[-1], ()):
            if following not in seen:
                seen.add(following)
                ways.append((*way, following))
    return ()
