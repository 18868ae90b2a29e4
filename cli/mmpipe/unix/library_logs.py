"""Log records of libraries, which mmpipe does not print."""


def silence_libraries() -> None:
    """Keep log records of libraries off stderr, where an error is one line; hashlib logs tracebacks if memory is short."""
    import logging

    logging.getLogger().addHandler(logging.NullHandler())
