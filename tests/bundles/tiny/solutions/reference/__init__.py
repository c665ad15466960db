"""What the answers should be."""
