"""The HTTP server: recommendations, events, the storefront page."""
