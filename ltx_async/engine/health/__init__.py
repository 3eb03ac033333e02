"""What the replies of a client say of the server: that it is away, or that it is overloaded."""
