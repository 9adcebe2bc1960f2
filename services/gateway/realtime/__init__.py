"""The OpenAI Realtime protocol over a WebSocket, spoken for one attachment to a session."""
