"""Simple models beside a network: the majority, character n-grams, smoothed n-gram language models."""
