"""What shorter trainings say of full ones, as far as stored trainings show.

reliability   what each rung was worth: how differences went on, how often leaders stayed, the lr's drift
forecast      the final difference of two candidates with its interval, and P(best) among those looked at
"""
