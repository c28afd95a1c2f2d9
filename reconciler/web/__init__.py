"""What the daemon serves over HTTP: metrics and its own health, read-only. The dashboard has its place here."""
