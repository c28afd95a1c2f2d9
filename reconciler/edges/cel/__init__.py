"""CEL in its box (docs/decisions/0056): `expressions` is the edge, `child` what runs inside."""
