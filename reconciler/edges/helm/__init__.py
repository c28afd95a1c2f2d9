"""Helm in its box (docs/decisions/0007): `renderer` is the edge, `box` one warm child, `child` what runs inside it."""
