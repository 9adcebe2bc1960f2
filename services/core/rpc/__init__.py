"""gRPC: servers, clients, and the translation of values and errors."""
