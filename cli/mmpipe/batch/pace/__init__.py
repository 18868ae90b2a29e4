"""How fast a batch asks: rates, concurrency, budgets."""
