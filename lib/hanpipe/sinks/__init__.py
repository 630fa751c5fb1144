"""Reading -> what stands at the end of the pipe: brokers, databases, home automation. Each module imports its own."""
