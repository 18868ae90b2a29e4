"""The list of models: its options, and what is written."""
