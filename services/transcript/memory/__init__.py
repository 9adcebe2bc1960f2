"""What characters remember across sessions."""

from services.transcript.memory.memory import Memory
from services.transcript.memory.minilm import embedder_of
from services.transcript.memory.store import MemoryPage, MemoryStore

__all__ = ["Memory", "MemoryPage", "MemoryStore", "embedder_of"]
