"""The officer's console: pages made on the server, over the same functions as the API."""
