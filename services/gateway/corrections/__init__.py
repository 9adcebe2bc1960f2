"""The director's corrections and live acts: accepted, sent on, tried again, taken back; and the bus that carries them."""
