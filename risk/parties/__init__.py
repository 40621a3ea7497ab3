"""Who a party is: normalised names and addresses, and the names that stand for nobody."""
