"""Another project that has taken the queue in: people with a UUID and an e-mail address, no accounts of the site."""
