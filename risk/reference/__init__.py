"""What the domain knows of the world: countries, ports, the Harmonized System, wildlife goods, hubs, CITES.

Facts of our own are the CSV files in `data/`, each row with its source and whether that was read or only
recalled. Published tables come from packages. Nothing here uses the network, and every table is read on
first use and kept.
"""
