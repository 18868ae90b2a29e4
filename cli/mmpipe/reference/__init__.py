"""What is written about the commands: help, the man page and completions, all from the tree of commands.py."""
