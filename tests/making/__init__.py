"""Small true models and other things that tests make on the spot."""
