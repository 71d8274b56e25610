"""What can be said of a cell or a trained model, for people."""
