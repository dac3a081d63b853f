"""Who is who: duplicates, links and identities, so that related images stay in one split."""
