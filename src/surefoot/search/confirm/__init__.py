"""How sure: a sequential test of finalists on fresh seeds."""
