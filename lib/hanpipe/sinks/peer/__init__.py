"""What sinks share that talk to a server: HTTP, TLS, login."""
