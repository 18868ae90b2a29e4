"""Markdown on a terminal: text -> blocks (reader) -> styled lines (page), each written once, when it is whole.

The blocks are read here, line by line, so that each can be written when its last line has come, and so that a long answer
costs linear time; markdown-it reads what stands inside a line. Code is coloured here too: Pygments cannot go on at a line,
and some of its lexers take seconds for a few kilobytes of hostile code.
"""
