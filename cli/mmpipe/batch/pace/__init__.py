"""The pace of a batch: rate limits, concurrency, estimates, budgets."""
