"""Live objects → health: whether a release does well, and whose failure it is when it does not."""
