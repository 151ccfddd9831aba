"""Feature functions, one module for each group; each function is one column."""
