"""The summarizer and adviser behind a table that plays."""
