"""The migrations of the store. A new one is a new file in `versions`; one that was released is never changed."""
