"""The site's accounts: user model, their pages in the admin, tokens, lockout. A project of your own has its own."""
