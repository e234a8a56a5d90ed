"""The loss landscape around a real model, with the trajectories of its trainings."""
