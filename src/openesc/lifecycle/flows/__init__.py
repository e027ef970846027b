"""One readable file per workflow: which steps, in which order, and what is told when."""
