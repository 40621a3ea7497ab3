"""The commands of `risk`, a module for each; `serving.cli` mounts them. Heavy imports stay inside them."""
