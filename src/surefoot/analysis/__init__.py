"""What a stored study shows.  The only reader: reports, the lab and answers ask here.

race_history  who came how far, who fell when and why
lr_windows    the flat window of learning rates of each optimizer
tables        results on fresh seeds, learning-rate curves, effects of settings
claim_words   claims as sentences, for answers and pages
spending      what is spent of the budget, and when something was decided
"""
