"""The door to the service: one client, the decoder of what it sends, and the rules of asking again."""
