"""Strategies as pure state machines: what a rollout does next, given what was seen. Effects are the pipeline's."""
