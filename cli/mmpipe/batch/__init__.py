"""Many prompts: records in, a journal of answers out, and what runs between them."""
