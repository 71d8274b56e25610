"""A network's weights for other libraries, where these have its layers."""
