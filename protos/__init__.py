"""The wire contract: one .proto per service, stubs beside it."""
