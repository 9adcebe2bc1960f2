"""The understudy: answers in character from the card's own lines when there is no model."""
