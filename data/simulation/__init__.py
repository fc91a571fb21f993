"""The synthetic store's users before pages of bundles and policies. Here alone the hidden world and
the recommender meet."""
