"""Who goes on: successive halving over learning rates and settings, then the play-off of finalists."""
