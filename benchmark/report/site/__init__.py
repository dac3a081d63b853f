"""The page that `facebench site` writes: HTML, CSS and scripts here, data from result files."""
