"""What leaves the house: a trained model as C, as ONNX, as the weights of other libraries, each proven equal first."""
