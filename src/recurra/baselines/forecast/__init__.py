"""Forecasts to beat: naive ones, a linear one, windowed perceptrons, classical ones."""
