"""Views for people: events as a hex dump, APDUs as a tree, readings as plain text. Nothing but people reads these."""
