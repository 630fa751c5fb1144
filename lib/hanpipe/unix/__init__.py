"""What the programs need of Unix: options, input, output, signals, systemd and exit status."""
