"""Score a method, a network from elsewhere, or a folder of predictions."""
