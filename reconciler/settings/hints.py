"""Part of deployment-config.yaml: where Git hosts may say that there is something new."""

from pydantic import Field

from reconciler.settings import base, values


class Webhook(base.Settings):
    """`POST /webhook/<repository>` by a Git host is a hint to poll that repository at once, and nothing more."""

    secret_file: values.DiskPath = Field(
        description="File with the secret that is also entered at the Git host, one line. No default: who may make the"
        " daemon work must prove it. Read at each request, so that it can be changed without a restart."
    )
    address: values.Address = Field(
        default="127.0.0.1:9091",
        description="host:port. This machine only by default, for a proxy with TLS in front; not that of the metrics,"
        " which name every target.",
    )
