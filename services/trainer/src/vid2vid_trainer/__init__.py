"""Trains a style from a video, exports it to ONNX and publishes it into Triton's model repository."""
