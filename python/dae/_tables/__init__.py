"""Tables on the way in and out: columns of any kind as numbers for a network, and back."""
