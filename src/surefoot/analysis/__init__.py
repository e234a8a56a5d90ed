"""What a stored study shows: the history of its race, learning-rate windows, tables.  The only reader."""
