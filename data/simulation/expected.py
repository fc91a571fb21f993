"""What a page of the serving bundle is worth to users whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

from data.audience import Audience
from data.comparison import Comparison, Policy, compare
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.query import Query
from recsys.recommender import Recommender
from recsys.workspace import Workspace


def expected_installs(workspace: Workspace, num_users: int) -> Comparison:
    """What a page of the serving bundle is worth on the day after the logs, beside a page of the
    most popular apps, of random ones, and of an oracle that knows the truth.

    Raises:
        BadInput: there are no generated logs, or no bundle that can be served.
    """
    audience = Audience.after_logs(workspace, num_users)
    return compare(audience, {"recommender": serving_policy(workspace)})


def serving_policy(workspace: Workspace) -> Policy:
    """The serving bundle, behind the request path that the server uses.

    Raises:
        BadInput: there is no bundle, or it must not be served.
    """
    if not workspace.current_bundle.exists():
        raise BadInput(f"{workspace.bundles} holds no bundle that serves: `recsys run` makes one.")
    version = workspace.current_bundle.read_text().strip()
    recommender = Recommender(Bundle.load(workspace.bundles / version))

    def pages(queries: Sequence[Query]) -> list[list[str]]:
        return [[item.app_id for item in page.items] for page in recommender.recommend(queries)]

    return pages
