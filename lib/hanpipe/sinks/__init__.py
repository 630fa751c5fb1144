"""Reading -> brokers, databases, home automation, files: the end of the pipe. Each room imports its own client."""
