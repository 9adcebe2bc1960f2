"""gRPC: servers, clients, and the translation of values and errors."""

from __future__ import annotations

import os

# Children are started by exec only, so gRPC has nothing to do around a fork; its handlers would only print warnings.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
