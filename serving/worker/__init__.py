"""The living parts of one scoring process: its engine, what it writes, and what it follows."""
