"""Scripts that each made one page of `reports/`."""
