"""Help, the man page and the completion scripts, all generated from the command tree (commands/tree.py)."""
