"""Results: their files, checks, ranks and intervals."""
