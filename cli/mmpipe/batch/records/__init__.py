"""From bytes of files to requests."""
