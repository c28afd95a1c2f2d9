"""`impersonate` of an environment in `config/deployment-config.yaml`: as whom the API server takes us there."""

from collections.abc import Iterator

from pydantic import Field

from reconciler.settings import base, values


class Impersonate(base.Settings):
    """Whom the API server takes the daemon for when it deals with an environment's objects: a service account, or a
    user with groups."""

    service_account: values.Account | None = Field(
        default=None,
        description="A service account, as namespace/name. The daemon needs the verb `impersonate` on exactly it.",
        examples=["web/deployer"],
    )
    user: values.Text | None = Field(default=None, description="In place of a service account: a user's name.")
    groups: tuple[values.Text, ...] = Field(default=(), description="The user's groups.")

    @property
    def acts(self) -> bool:
        return bool(self.service_account or self.user)

    @property
    def name(self) -> str:
        """As the API server writes it."""
        return (
            f"system:serviceaccount:{self.service_account.replace('/', ':')}"
            if self.service_account
            else self.user or ""
        )


ALMIGHTY = "system:masters"


def complaints(raw: object, *, at: base.Path) -> Iterator[base.Complaint]:
    """About an environment's `impersonate`."""
    account, user = base.inside(raw, "serviceAccount"), base.inside(raw, "user")
    groups = base.inside(raw, "groups")
    if isinstance(raw, dict) and bool(account) == bool(user):
        found = "names both a serviceAccount and a user" if user else "names nobody"
        yield base.Complaint(at, f"{found}; write either serviceAccount: namespace/name or user: name")
    if account and groups:
        yield base.Complaint((*at, "groups"), "belong to a user: a service account has its own; remove them")
    if isinstance(groups, list) and ALMIGHTY in groups:
        because = f"{ALMIGHTY} may do everything, and nothing would be confined; name a group with the rights needed"
        yield base.Complaint((*at, "groups"), because)
