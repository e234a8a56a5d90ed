"""One run: its schedule, loop, random state, checkpoints, meters and divergence."""
