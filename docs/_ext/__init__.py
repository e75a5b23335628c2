"""What builds the documentation site, beside Sphinx's own extensions."""
