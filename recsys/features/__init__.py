"""What a feature is, and how data is described, checked and transformed."""
