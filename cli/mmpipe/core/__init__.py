"""What a request and an answer are: values and pure functions, without I/O."""
