"""A random split of each user's interactions: RecBole's published protocol, and nothing else.

It leaks the future, and is here so that our figures can stand beside published ones
(`RS: [0.8, 0.1, 0.1], group_by: user` of RecBole's evaluation settings): each user's interactions
are shuffled and cut into 80 % train, then 10 % validation, then 10 % test, every interaction a
positive. Of n interactions, validation and test get the whole part of n / 10 each; where that is
none and the user has enough to spare, test gets one, and then validation.

The shuffle is the order of a seeded MD5 of each interaction, so it is the same on every engine.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from recsys.engine.lists import collected

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def assign(installs: ir.Table, seed: int) -> ir.Table:
    """The part of each interaction.

    Args:
        installs: outcomes: `event_id`, `request_id`, `user_id`, `app_id`, `time`.
        seed: of the shuffle.

    Returns:
        `request_id`, `user_id`, `app_id`, `time`, and `split`: train, validation or test.
    """
    drawn = (ibis.literal(f"{seed} ") + installs.user_id + " " + installs.event_id).hexdigest("md5")
    shuffled = installs.mutate(drawn=drawn)
    of_user = ibis.window(group_by="user_id")
    shuffled_of_user = ibis.window(group_by="user_id", order_by=["drawn", "event_id"])
    counted = shuffled.mutate(
        place=ibis.row_number().over(shuffled_of_user),
        num=shuffled.event_id.count().over(of_user),
    )
    tenth = counted.num // 10
    num_test = ibis.ifelse(counted.num >= 10, tenth, (counted.num >= 2).cast("int64"))
    num_validation = ibis.ifelse(counted.num >= 10, tenth, (counted.num >= 3).cast("int64"))
    split = ibis.cases(
        (counted.place >= counted.num - num_test, TEST),
        (counted.place >= counted.num - num_test - num_validation, VALIDATION),
        else_=TRAIN,
    )
    return counted.select("request_id", "user_id", "app_id", "time", split=split)


def history(assigned: ir.Table) -> ir.Table:
    """Each request's history: the user's train interactions but the request's own, oldest first.

    Returns:
        `request_id` and `installed_app_ids`.
    """
    train = assigned.filter(assigned.split == TRAIN)
    of_user = train.group_by("user_id").agg(taken=collected(train.app_id, order_by=[train.time]))
    of_request = assigned.group_by("request_id", "user_id").agg(own=assigned.app_id.collect())
    both = of_request.inner_join(of_user, "user_id")
    others = both.taken.filter(lambda app_id: ~both.own.contains(app_id))
    return both.select("request_id", installed_app_ids=others)
