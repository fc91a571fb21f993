"""Where logs come from: a synthetic Play store, or a person's own data."""
