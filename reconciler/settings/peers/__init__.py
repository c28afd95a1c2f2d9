"""Objects of other GitOps tools → our application.yaml, and back, with the fate of every field."""
