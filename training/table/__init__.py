"""Training on any single table: reading, types, missing codes, suspected leaks, splits."""
