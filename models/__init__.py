"""Offline training: history to features to fitted models to one verified ONNX graph."""
