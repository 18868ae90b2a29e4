"""Requests and responses on sockets: routes, tunnels, the two stacks behind the SDK, and its errors."""
