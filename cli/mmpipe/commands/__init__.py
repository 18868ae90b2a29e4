"""The commands: each is its options, its help and the function that does the work; the options stand in their rooms."""
