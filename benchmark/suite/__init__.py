"""All that a leaderboard needs: jobs, how far they are, and doing them."""
