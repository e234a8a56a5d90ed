"""The race scored on stored curves, beside baselines."""
