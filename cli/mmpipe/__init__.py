"""A Unix filter for MiniMax's OpenAI-compatible API. This is the map of the program.

Rooms from the top down; a room imports only those below it, and never one beside it (pyproject.toml has the rule):

    main          the boundary: an error becomes a line on stderr and an exit status; signals
    command_line  Typer; commands/ is the tree of commands, made of option groups (grammar)
    chat, batch, models, reference      the work: one answer, many answers, the model list, help and man page
    tools         runs the tools that the user named
    api           the only way to the service: client, pool, decoder, API codes, retry rule, recordings (FACTS.md)
    config, writers, structured, simulator      settings and key; events to bytes; JSON by schema; the API on loopback
    core          values and pure functions: request, events, reply, messages, thinking, models and prices
    unix, text, errors      files, locks, signals; pure functions on text; every error with its exit status

The data: argv, stdin and files -> options -> Request -> `ask` -> Thinking | Text | ToolCall | Usage | Stop
-> arrange_thinking (show, split, hide) -> a Writer -> bytes. `chat.answer` and `batch.run` each read as one line of steps.

To add                       open
    an option                the options.py of its room; its name is used from there on
    an output format         writers/options.py for the name, chat/outputs.py for its writer
    an API code              api/codes.py
    a record format          batch/records/formats/: a new module, and a line in table.py
    an engine (pool)         api/: a new module, and a line in pools.py
    a limiter                batch/pace/: a module beside limiter.py
    a setting                config/options.py
    an error                 errors.py
    a command                commands/: a module, and a line in tree.py
Then run `.ci/lint` and the tests of the room: tests/ has the same rooms, and tests/program/ the real processes.
"""

__version__ = "0.1.0"
RELEASED = "2026-11-23"
