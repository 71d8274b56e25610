"""How recurrent layers are wired to their inputs and outputs: N to N, N to 1."""
