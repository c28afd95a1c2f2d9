"""Objects of other GitOps tools → our application.yaml, with the fate of every field of theirs."""
