"""Writers: events in, bytes out, one writer for each output format; and all that goes to stderr."""
