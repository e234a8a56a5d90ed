"""Runs in processes of this machine."""
