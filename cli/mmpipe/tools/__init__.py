"""Function calling: runs the tools that the user named, each within limits."""
