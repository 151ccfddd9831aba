"""Trying a policy out: its thresholds one unit either way, and a bank's own examples, by the real rules."""
