"""What people type: `recsys run`, `schema`, `bundles` and what belongs to them."""
