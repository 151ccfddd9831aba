"""Recommendation: which product next, from what is held, by whom and what it is."""
