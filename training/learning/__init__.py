"""Learners over arrays, usable alone on any table: scorecard, boosting, logistic regression."""
