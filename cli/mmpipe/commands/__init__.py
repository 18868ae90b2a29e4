"""The commands: each room has the sections of its own options, and makes of them the frozen options of the work."""
