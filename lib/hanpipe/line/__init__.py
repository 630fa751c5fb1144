"""The line: port, socket or file -> octets."""
