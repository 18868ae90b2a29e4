"""One prompt, one answer: from what was typed to the bytes that are written."""
