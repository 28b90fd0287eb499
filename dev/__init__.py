"""What a developer's machine needs around the site: installing, embedded servers, the supervisor of `make run`."""
