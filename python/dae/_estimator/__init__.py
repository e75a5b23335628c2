"""What all estimators share: parameters, fitted state, the transformer's methods."""
