"""What `memfit advise` proposes, run for real: budgets kept, savings as said, largest batches, settings of malloc."""
