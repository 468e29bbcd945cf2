"""Who may come in: accounts, logins, keys, and what an account may have."""
