"""A Face_Ref as tensors: faces of a split, the pool, batches."""
