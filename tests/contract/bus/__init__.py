"""What every bus of corrections must keep."""
