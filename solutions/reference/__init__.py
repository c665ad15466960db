"""What the answers should be: float64 oracles, fast forms, and the inputs hidden tests use."""
