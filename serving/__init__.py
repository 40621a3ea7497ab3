"""The roof: one scoring path, batch, store and command line. Only this floor starts anything."""
