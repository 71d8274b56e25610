"""The same maths over time, done by different means behind one contract."""
