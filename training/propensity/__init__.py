"""Propensity: who buys what next, who leaves, and whom an offer would move."""
