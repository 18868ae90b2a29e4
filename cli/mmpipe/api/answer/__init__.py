"""The body of a response to the parts of an answer: coding, framing, fields, tool calls, the end; no I/O."""
