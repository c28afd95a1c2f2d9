"""`chartRepositories` of `config/deployment-config.yaml`: where charts may come from."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler.settings import base, rendered, values


class ChartRepository(base.Settings):
    """A place that charts may be fetched from."""

    url: rendered.ChartPlace = Field(
        description="Charts whose `repository` is this, or lies below it.",
        examples=["https://charts.example.com", "oci://registry.example.com/charts"],
    )
    username_file: values.DiskPath | None = Field(
        default=None,
        description="File with the user name. Left out: `token`, which registries accept beside an access token.",
    )
    password_file: values.DiskPath | None = Field(
        default=None,
        description="File with the password or access token, shown to this host alone. Left out: anonymous.",
    )
    ca_file: values.DiskPath | None = Field(
        default=None, description="PEM file with the authorities to trust instead of the system's."
    )
    also_from: tuple[rendered.HttpsPlace, ...] = Field(
        default=(),
        description="Further hosts that its index or its redirects may lead to, without credentials: indexes on GitHub"
        " pages name archives on `https://github.com`, which leads to `https://release-assets.githubusercontent.com`.",
    )
    token_server: rendered.HttpsPlace | None = Field(
        default=None,
        description="The host that gives the tokens of an OCI registry, where it is another one; it is shown the"
        " credentials. For Docker Hub `https://auth.docker.io`.",
    )


ChartRepositories = Annotated[tuple[ChartRepository, ...], Field(max_length=200)]
MEANING = (
    "Places that charts may be fetched from. None by default: whoever may push would choose whom the daemon talks to."
)


def complaints(raw: object) -> Iterator[base.Complaint]:
    for place, one in enumerate(raw if isinstance(raw, list) else ()):
        if base.inside(one, "usernameFile") and not base.inside(one, "passwordFile"):
            at = ("chartRepositories", place, "usernameFile")
            yield base.Complaint(at, "is there without a passwordFile; add passwordFile")
