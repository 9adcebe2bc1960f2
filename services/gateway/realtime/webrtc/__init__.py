"""Calls by WebRTC: the same realtime connection over a data channel and two audio tracks. Needs the extra `webrtc`."""
