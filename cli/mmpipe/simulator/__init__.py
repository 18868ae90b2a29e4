"""The API on loopback, so that everything can be tried and tested without a key."""
