"""Values and pure functions of requests and answers, without I/O."""
