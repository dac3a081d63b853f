"""Who is who: duplicates, links and identities, so that no split cuts what belongs together."""
