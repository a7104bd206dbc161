"""Demo clips made from a public-domain portrait, the local stack of processes, and the main job end to end."""
