"""The stage: who has the floor, who answers, what is written."""
