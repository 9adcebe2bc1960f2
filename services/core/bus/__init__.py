"""Messages between processes beside gRPC."""
