"""The only way to the service: a client and a pool, the decoder of answers, API codes, the retry rule, recordings."""
