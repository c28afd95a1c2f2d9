"""Kustomize in its box (docs/decisions/0008): `renderer` is the edge, `child` what runs inside."""
