"""Asks over the nodes of a Ray cluster: `cluster_pool` in this process, `bridge` in a child of it, `worker` on each node.

This process never loads Ray, which would install signal handlers, print, and end the process with its raylet. The child
`bridge` does, and the two exchange frames over a socket (`transport`). Requests and results cross in groups, as plain
values (`values`). `fleet` decides, without any I/O, which workers live, and which are started.
"""
