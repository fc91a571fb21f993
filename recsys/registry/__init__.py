"""What is known of each bundle that was pushed, who serves it, and how long it is kept.

`recsys.pushes` says which one serves.
"""
