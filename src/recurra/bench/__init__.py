"""How fast the layers are on this machine, beside their peers and beside what the machine can do."""
