"""A simulated world of trade and smuggling, to train and to measure on where no real records can be shared.

`world.simulate` writes the tables of consignments and outcomes that an administration would have, and the
truth beside them. Only `truth` reads the truth. Every figure measured on this world is a simulated figure.
"""
