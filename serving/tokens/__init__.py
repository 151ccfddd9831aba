"""Tokens: what they say, who signs them, which were taken back, and the check that reads them."""
