"""A network as ONNX graphs, built from its own structure: nothing is traced, so batch and time stay free."""
