"""One run: its schedule, loop, checkpoints, meters and divergence; and the engines that run many."""
