"""Where the curves of a run may go besides its folder: TensorBoard, Weights & Biases, MLflow."""
