"""Who may decide what, and the signatures that prove they did."""
