"""Scripts that made the embedded sample and its card."""
