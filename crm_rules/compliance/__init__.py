"""Whether the bank treated its customers as it may."""
