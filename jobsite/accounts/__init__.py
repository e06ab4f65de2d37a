"""The site's accounts: user model, admin pages, tokens, lockout. A project of your own has its own."""
