"""The whole daemon in virtual time, with faults from a seed. docs/how-to/simulation.md tells how to read a failure."""
