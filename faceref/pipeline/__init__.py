"""The build of a Face_Ref, from source to folder; `build` is the recipe on one page."""
