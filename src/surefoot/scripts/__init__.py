"""Runs that are the user's own script."""
