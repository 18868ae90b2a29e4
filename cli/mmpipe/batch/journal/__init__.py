"""The journal of a batch: a line for each answer, read again by the next run."""
