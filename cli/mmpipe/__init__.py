"""A Unix filter for MiniMax's OpenAI-compatible API. This is the map of the program.

Rooms from the top down. A room imports only from rows below its own, never from a room beside it (pyproject.toml):

    main                                the boundary: an error becomes a line on stderr and an exit status; signals
    command_line                        Typer, for lines that commands/plain_line.py does not read by the tree alone
    commands                            the tree of commands, made of the option groups of all rooms
    chat, batch, models, reference      the work: one answer, many answers, the model list, help and man page
    tools                               runs the tools that the user named
    api, config, structured, writers, simulator      the way to the service (FACTS.md), settings and key, JSON by schema,
                                        events to bytes, the API on loopback
    core                                values and pure functions: request, events, reply, thinking, models and prices
    unix, grammar                       files, locks and signals; options and commands as values
    errors, text                        every error with its exit status; pure functions on text
    dataclass                           defines frozen values quickly

The data: argv, stdin and files -> options -> Request -> `ask` -> Thinking | Text | ToolCall | Usage | Stop
-> arrange_thinking (show, split, hide) -> a Writer -> bytes. `chat/answer.py` and `batch/run.py` each read as a list of
steps; `batch/__init__.py` has the map of a batch. Retries: api/retry.py. `<think>` tags: core/thinking_tags.py.

To add                   open
    an option            the options.py of its room, and the module that uses it; then regenerate completions/
    an output format     writers/options.py for its name, writers/lines.py for its writer; of a batch: batch/rendering.py
    an API code          api/refusals/codes.py; its word or sentence: error_words.py, error_sentences.py (the simulator: simulator/envelopes.py)
    what a server sends  api/answer/fields.py (text, thinking), core/finish_reasons.py, api/answer/usage.py; tests/support/server_shapes/
    a record format      batch/records/formats/: a new module, its entry in table.py, and its name in names.py
    a pool of requests   api/: a new module, and its entry in pools.py
    a language of code   writers/markdown/languages.py; how Markdown is shown: writers/markdown/__init__.py
    a limiter            batch/pace/: a new module beside limiter.py; batch/limiters.py opens it
    a setting            config/options.py
    a guide              reference/guides/: a new text, and its name in reference/manual.py
    a field of the JSON  reference/schemas.py, beside the module that prints it
    a command            commands/: a new module, its loader in tree.py, and its line in summaries.py
Then run `.ci/lint` and the tests of the room: tests/ has the same rooms, and tests/program/ the real processes.
"""

__version__ = "0.1.0"
RELEASED = "2026-11-23"
