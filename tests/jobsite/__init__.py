"""The site: start, stop, servers, networks."""
