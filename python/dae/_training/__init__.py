"""A network in training: the run, its epochs, what it is fed and how it is monitored."""
