"""Questions to the database, named by the question, the organisation first. They never commit nor read the request."""
