"""Names of the figures that say whether a day's log tables hold together.

Statistics carry them as `custom_stats` of features in the datasets `apps`, `users`, `requests`,
`impressions` and `outcomes`, each with the rows of that table's day as its `num_examples`. Such a
feature's path has two steps, table and column: `impressions.app_id` is `("impressions", "app_id")`.

| figure              | of                 | what it is                                            |
|---------------------|--------------------|-------------------------------------------------------|
| `num_duplicates`    | a table's key      | rows beyond the first of their key                    |
| `duplicate_share`   | a table's key      | the same, as a share of the rows                      |
| `unlinked_share`    | a reference        | share of rows that name something which isn't there   |
| `repeated_share`    | a table's key      | share of keys that the day before had too             |
| `snapshot_age_days` | a snapshot's key   | days from the snapshot that was used to the span      |
| `*_examples`        | any of the above   | some of the offending keys, ", " between them         |

`requests.time` and `outcomes.time` are numbers: seconds since the span's midnight, UTC, with a
histogram of the 24 hours, and `outside_share`: the share of them that lie on another day.
"""

NUM_DUPLICATES = "num_duplicates"
DUPLICATE_SHARE = "duplicate_share"
DUPLICATE_EXAMPLES = "duplicate_examples"
UNLINKED_SHARE = "unlinked_share"
UNLINKED_EXAMPLES = "unlinked_examples"
REPEATED_SHARE = "repeated_share"
REPEATED_EXAMPLES = "repeated_examples"
SNAPSHOT_AGE_DAYS = "snapshot_age_days"
OUTSIDE_SHARE = "outside_share"

TIME = "time"
"""The column of a table whose seconds of the day are described."""
SECONDS_OF_DAY = 86_400
"""Seconds of a span: a time of its logs is one of 0 to this, exclusive."""
