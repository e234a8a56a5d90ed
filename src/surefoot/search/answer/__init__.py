"""What is said: the answer, its reasons, its code."""
