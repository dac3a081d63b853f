"""References for every face: mining, lists, and retrieval for a new face."""
