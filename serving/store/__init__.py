"""What is kept: filings, outcomes, assessments and imports, in SQLite or PostgreSQL.

Appends are the truth; anything else can be made from them again. `Store` is the face; the modules behind it
(`filings`, `outcomes`, `assessments`, `imports`) take a connection, for several writes in one transaction.
"""

from serving.store import access as _access  # noqa: F401  (its tables belong to METADATA)
from serving.store import audit as _audit  # noqa: F401  (its tables belong to METADATA)
from serving.store import finding as _finding  # noqa: F401  (its tables belong to METADATA)
from serving.store import notes as _notes  # noqa: F401  (its tables belong to METADATA)
from serving.store import rules as _rules  # noqa: F401  (its tables belong to METADATA)
from serving.store import shadow as _shadow  # noqa: F401  (its tables belong to METADATA)
from serving.store import statistics as _statistics  # noqa: F401  (its tables belong to METADATA)
from serving.store import work as _work  # noqa: F401  (its tables belong to METADATA)
from serving.store.append import Added, Conflict
from serving.store.assessments import Saved, assessment_id
from serving.store.database import Store
from serving.store.engine import StoreError
from serving.store.imports import ImportRun
from serving.store.tables import ASSESSMENTS

__all__ = ["ASSESSMENTS", "Added", "Conflict", "ImportRun", "Saved", "Store", "StoreError", "assessment_id"]
