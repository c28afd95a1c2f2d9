"""How a rollout ends: good, reverted, pinned or held. Decisions only; Git and the cluster are the pipeline's."""
