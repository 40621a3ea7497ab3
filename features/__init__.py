"""From consignments and history to a feature matrix. Knows no model and nothing above."""
