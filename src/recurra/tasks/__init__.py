"""Where data and models meet: what is learned from what, and how it is evaluated."""
