"""One full training of a chosen candidate, and the folder that keeps its model."""
