"""Search by similarity of vectors, and what the vectors are."""
