"""Test surfaces and the paths of real optimizers on them; the landscape of a real model around its trainings."""
