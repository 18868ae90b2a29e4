"""Help, the man page, the page for programs and the completion scripts, all generated from the command tree (commands/tree.py)."""
