"""Voice engines, without their libraries."""
