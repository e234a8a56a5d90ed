"""What a study is made of: candidates, runs, decisions, one label and one number format.  At the bottom."""
