"""Settings and the key: options, environment, configuration file."""
