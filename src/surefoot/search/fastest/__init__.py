"""The goal "fastest": the least time to a target."""
