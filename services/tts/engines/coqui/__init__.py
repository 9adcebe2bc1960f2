"""Coqui: the engine on this side, the worker that holds torch on the other."""
