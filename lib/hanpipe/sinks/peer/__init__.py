"""Parts of sinks that talk to a server: HTTP, TLS, login, delivery."""
