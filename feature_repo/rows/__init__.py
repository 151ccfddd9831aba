"""Packed rows from the inside: their bytes, their layouts, and the two places they lie."""
