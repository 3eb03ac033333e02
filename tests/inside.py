"""The one place where tests look into a client, for what no caller ever sees."""


def shared_by(client):
    """Return what all lookups of a client share: its limiter, budget, transport and the like."""
    return client._shared


def queued_in(client):
    """Return those who wait for a slot of a client."""
    return [waiter for waiter in client._shared.limiter._waiters if not waiter.done()]
