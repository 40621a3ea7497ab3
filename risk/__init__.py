"""The domain: consignments, outcomes, reference data, parties, the risk model and the selection.

This floor knows no MLflow, no database and no web; nothing here imports from the floors above.
"""
