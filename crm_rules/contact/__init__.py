"""When and through which channel the bank may speak to a customer."""
