"""Characters: their cards, where they are kept, and the routes to edit them."""
