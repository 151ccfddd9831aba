"""What the bank may do, should do and does first: rules, governance, ledger, consent."""
