"""Settings and the API key, from options, environment and configuration file."""
