"""One line on each command, in the order of help and man page: the help of the program loads no command."""

from typing import Final

SUMMARIES: Final = {
    "chat": "Ask one prompt, and write the answer when it is complete.",
    "stream": "Ask one prompt, and write the answer as it arrives.",
    "batch": "Ask many prompts, and write a line of JSON for each.",
    "models": "List the models, with their limits and prices.",
    "sim": "Simulate the API on this machine, to try everything without a key.",
    "completion": "Print or install the completion scripts and the manual page.",
}
