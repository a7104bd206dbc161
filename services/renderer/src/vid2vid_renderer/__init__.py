"""The renderer: a content video and a style's name go in, the rendered video comes out."""
