"""What it costs, measured on a real control plane: scripts that print figures, no timed tests (docs/performance.md)."""
