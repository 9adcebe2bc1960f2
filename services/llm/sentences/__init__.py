"""From a model's raw stream to sentences that can be spoken, whatever the chunks."""
