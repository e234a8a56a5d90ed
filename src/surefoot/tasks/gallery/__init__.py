"""The built-in tasks, on real data that comes inside packages.  Each is one file that defines `TASK`."""
