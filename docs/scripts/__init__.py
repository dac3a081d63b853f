"""What makes the documentation site: pages that are generated, and images of the sample."""
