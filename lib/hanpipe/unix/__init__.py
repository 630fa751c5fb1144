"""The programs' side of Unix: options, input, output, signals, systemd and exit status."""
