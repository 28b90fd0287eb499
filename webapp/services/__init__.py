"""Use cases: one function, one transaction. The only code that opens one, with the row bookkeeping of jobs."""
