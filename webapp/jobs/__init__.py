"""RQ entry points and what the clock enqueues: ids in, rows claimed, safe to run twice."""
