"""What a recurrent network has to beat: the majority, character n-grams, smoothed n-gram language models."""
