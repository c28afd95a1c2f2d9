"""Charts of repositories elsewhere (docs/decisions/0033): `store` is the edge, `web` asks one allowed host, `index` and
`registry` know the two kinds of repositories, `archive` unpacks."""
