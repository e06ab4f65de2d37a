"""Several hosts on one machine, in network namespaces: what a site does when hosts, networks and clocks fail."""
