"""Super-resolve the LR faces of photographs, folders and videos."""
