"""The only way to the service: `client` for one request, `pool` for many, `ray_pool` over a cluster, retries and recordings.

`http` brings requests and responses over sockets, `answer` decodes bodies, `refusals` explains errors (FACTS.md).
"""
