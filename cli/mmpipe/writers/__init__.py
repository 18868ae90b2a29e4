"""Events in, bytes out: one writer for each form of output."""
