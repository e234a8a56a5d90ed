"""Test surfaces, and the paths of real optimizers on them."""
