"""The web face: the app and, as they come, a module for each resource."""
