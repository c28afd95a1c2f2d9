"""`desired-state/<environment>/environment.yaml`: what Git says of an environment. It gives defaults, and tightens."""

from typing import Annotated

from pydantic import Field

from reconciler.settings import base, rendered, shared, values

FILE = "environment.yaml"


class Environment(base.Settings):
    """The whole file."""

    api_version: shared.ApiVersion = Field(description="Of this shape.", examples=["reconciler.dev/v1"])
    kind: Annotated[str, values.exactly("Environment")] = Field(description="Of this file.", examples=["Environment"])
    promotes_from: values.Name | None = Field(
        default=None,
        description="The environment that must be good with shared inputs first. Left out: the first of a chain.",
    )
    namespace: values.Name | None = Field(
        default=None, description="For applications that name none. Left out: each names its own."
    )
    namespaces: Annotated[tuple[values.NamespacePattern, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="A narrower choice from what the disk allows. Left out: all of that.",
    )
    cluster_kinds: tuple[values.Kind, ...] | None = Field(
        default=None, description="A narrower choice from what the disk allows. Left out: all of that."
    )
    variables: rendered.Variables = Field(
        default=(),
        description="For the applications whose source has `substitute: true`. Text stays text: write `3` for a number"
        ' and `"3"` for text. No secrets here: Git keeps them.',
        examples=["{HOST: shop.example.com, REPLICAS: 3}"],
    )
    verify: shared.VerifyOverride = Field(
        default=shared.VerifyOverride(), description="For applications that say nothing else."
    )
    prune: shared.PruneOverride = Field(
        default=shared.PruneOverride(), description="A smaller limit than the disk's, for all applications."
    )
    drift: shared.Drift | None = Field(
        default=None, description="For applications that say nothing else. Left out: as the disk says."
    )
