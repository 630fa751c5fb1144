"""The programs, a file each: parse, wire, exit."""
