"""What tests share: a site, jobs and users, crowds, networks."""
