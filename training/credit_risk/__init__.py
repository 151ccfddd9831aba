"""Credit risk: who will be 90 days past due, at the moment of asking and while a loan runs."""
