"""A GitOps reconciler: a commit becomes the cluster's state, and a failed release returns to the last good one."""
