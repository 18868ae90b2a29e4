"""Many prompts: records in, result lines out, resumable after any end.

`run` checks, opens, asks and reports; `preparation` turns options into rules and defaults; `input_check` reads files whole
before the first request, and `record_check` looks for repeated ids and earlier answers. Then, in `flow`:
`intake` gives the records to ask. `dedupe` finds those that share an answer. `engine` asks the others, with retries and
limits. `delivery` makes a line of each outcome, and `result_writer` writes it to the journal, or by `rendering` to standard output.
`summary` counts, and `ending` reports the end to a person.
`records` reads the input, `journal` is the file of results, `pace` has limiters, concurrency and budgets.
"""
