"""The meaning of an error that a service reports: its status, its reason and its advice; pure."""
