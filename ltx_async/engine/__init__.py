"""Look one email up, or many: private to the client."""
