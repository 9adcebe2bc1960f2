"""The manager: configures and runs it all."""
