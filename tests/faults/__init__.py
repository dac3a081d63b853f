"""Commands that are killed, run out of disk or lose their source, and what they leave."""
