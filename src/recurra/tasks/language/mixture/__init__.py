"""What is mixed with a language model: n-grams, a cache of the text before, weights that go on learning."""
