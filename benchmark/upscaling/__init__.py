"""Super-resolve the small faces of photographs, folders and videos."""
