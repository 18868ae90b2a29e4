"""Small functions over text and JSON."""
