"""What the daemon serves over HTTP: metrics and its own health, read-only, and on an address of its own the webhook
of Git hosts. The dashboard has its place here."""
