"""Every claim of a Face_Ref, computed again from its files."""
