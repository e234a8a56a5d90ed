"""What is tried: candidates, constraints, and what is known before."""
