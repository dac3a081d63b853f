"""A Face_Ref on disk: its format, card, revision, archive and torch data set."""
