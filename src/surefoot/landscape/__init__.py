"""Test surfaces with the paths of real optimizers on them, and the landscape around a real model."""
