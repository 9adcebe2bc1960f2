"""The summarizer's pure parts."""
