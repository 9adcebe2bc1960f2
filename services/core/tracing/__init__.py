"""Traces, where they are wanted: one per turn, across all services. Without an exporter every name here does nothing, at the price of a look at a variable.

A turn is named by its session and by the utterance that it answers. Its trace id is made of these, so that hearing, which is first, and the
stage, which knows of the turn last, come to the same trace without telling each other. From there on the context travels in gRPC metadata.
"""

from services.core.tracing.context import Attributes, arrived, carried, note, on, root, span, turn
from services.core.tracing.exporting import exporting

__all__ = ["Attributes", "arrived", "carried", "exporting", "note", "on", "root", "span", "turn"]
