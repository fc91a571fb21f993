"""The HTTP contract: what requests and answers look like, and their limits.

What is decided about odd requests, so that a shelf is served wherever one can be:

- an unknown user has an empty profile and nothing installed;
- an unknown country, language or device is a value that the model never saw, not an error;
- unknown ids in `exclude` exclude nothing; an unknown `seed_app` adds no candidates;
- `k` beyond the catalogue gives all eligible apps; `k` beyond `serving.max_k` is refused;
- an event may name an app or a user that nobody knows yet: it is kept, as what happened;
- an event happened neither before the page that it answers nor after its arrival, whatever a
  client's clock says; one older than `serving.event_days` is refused, since its id may be
  forgotten;
- an impression says of which page it is and at which place; a page shows an app once.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from serving.ladder import Degraded
from serving.user_store import IMPRESSION, MAX_ID_CHARS, EventKind

MAX_EXCLUDED = 5_000
MAX_EVENTS = 1_000
MAX_USERS_PAGE = 1_000
MAX_POSITION = 100_000
MAX_CONTEXT_CHARS = 100

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]
ContextText = Annotated[str, Field(max_length=MAX_CONTEXT_CHARS)]
ContextValue = ContextText | int | float | bool | None


class Contract(BaseModel):
    """What every body has in common: types as written, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Context(Contract):
    """Where and how the user asks; what is given here wins over the user's profile. Further
    columns that `recsys.toml` declares as features of requests may be given too."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ContextValue]

    country: ContextText | None = None
    """Country code, as in the data."""
    language: ContextText | None = None
    """Language code, as in the data."""
    device: ContextText | None = None
    """Kind of device, as in the data."""
    surface: ContextText | None = None
    """Where in the store it is shown: home, search."""


class RecommendRequest(Contract):
    """Who asks for how many apps, and in which context."""

    user_id: Id
    """Whose shelf it is; an unknown user gets a sensible one too."""
    k: int | None = Field(None, ge=1)
    """Apps wanted; `serving.default_k` (20) when it isn't given."""
    context: Context = Context()
    """Where and how the user asks."""
    exclude: list[Id] = Field([], max_length=MAX_EXCLUDED)
    """Apps not to show."""
    seed_app: Id | None = None
    """An app whose neighbours join the candidates."""


class RecommendedApp(Contract):
    """One place on the page."""

    position: int
    """1 is the top."""
    app_id: str
    """The app."""
    title: str | None
    """Its name."""
    category: str | None
    """Its category."""
    score: float | None
    """The ranker's chance of an install; null on a degraded page, which no ranker saw."""
    sources: list[str]
    """What proposed it: retrieval, popular, new, similar, catalogue."""


class Recommendations(Contract):
    """A page, and which bundle made it."""

    request_id: str
    """Name it in the events that answer this page."""
    bundle: str
    """Version of the bundle that made the whole page."""
    experiment: str | None
    """The experiment and its arm that the user is in, as `name:arm`; null outside of any."""
    degraded: Degraded | None
    """How the page was made where it isn't ranked, since the ranker was late or failed: in
    retrieval's order, or of what is popular in the country."""
    items: list[RecommendedApp]
    """The page, best first."""


class SimilarApps(Contract):
    """An app's neighbours in the space of candidate embeddings."""

    app_id: str
    """The app."""
    bundle: str
    """Version of the bundle that found them."""
    items: list[RecommendedApp]
    """The neighbours, nearest first; the score is the cosine of the embeddings."""


class ReportedEvent(Contract):
    """One thing that a user did."""

    event_id: Id
    """Chosen by the sender: a second event of the same id is not kept."""
    user_id: Id
    """Who did it."""
    app_id: Id
    """With which app."""
    kind: EventKind
    """What was done."""
    time: AwareDatetime | None = Field(None, strict=False)
    """When, with its offset from UTC; the time of arrival when it isn't given."""
    request_id: Id | None = None
    """The recommendation it answers; an impression has one."""
    position: int | None = Field(None, ge=1, le=MAX_POSITION)
    """Where on the page the app was; an impression says so, and 1 is the top."""

    @model_validator(mode="after")
    def _is_whole(self) -> ReportedEvent:
        if self.kind == IMPRESSION and (self.request_id is None or self.position is None):
            raise ValueError("an impression needs the request_id of its page and its position")
        return self


class EventsRequest(Contract):
    """What happened."""

    events: list[ReportedEvent] = Field(min_length=1, max_length=MAX_EVENTS)
    """In the order in which it happened."""


class EventsAnswer(Contract):
    """What was kept; it is on disk now."""

    accepted: int
    """Events kept."""
    duplicates: int
    """Events whose id was known."""


class UserSummary(Contract):
    """A user as a list shows one."""

    user_id: str
    """The id."""
    profile: dict[str, Any]
    """Columns of the users table."""
    num_installed: int
    """Apps on the device."""


class UsersAnswer(Contract):
    """Users in the order of their ids."""

    users: list[UserSummary]
    """This page of them."""
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class UserAnswer(Contract):
    """A user and what is installed."""

    user_id: str
    """The id."""
    profile: dict[str, Any]
    """Columns of the users table."""
    installed: list[dict[str, Any]]
    """The apps as `/v1/apps` shows them, oldest first; of an app that the catalogue doesn't hold,
    the id alone."""


class AppsAnswer(Contract):
    """What the catalogue says of several apps."""

    apps: list[dict[str, Any]]
    """Columns of the apps table by name; of an unknown app, `app_id` alone."""


class CatalogueAnswer(Contract):
    """What can be asked for."""

    bundle: str
    """Version of the bundle that serves."""
    num_apps: int
    """Apps in its catalogue."""
    countries: list[str]
    """Countries that its apps are sold in."""
    devices: list[str]
    """Devices that its apps run on."""


class RefusedBundle(Contract):
    """A bundle that was asked for and does not serve."""

    version: str
    """Its version."""
    reason: str
    """What is wrong with it."""


class BundlesAnswer(Contract):
    """The bundles there are."""

    serving: str | None
    """The version that answers requests now."""
    versions: list[str]
    """All that are published."""
    refused: RefusedBundle | None
    """The last one that was asked for and refused, until another one serves."""
    beside: list[str] = []
    """Others that answer: those of experiments' arms, and the canary's."""
    lacking: list[RefusedBundle] = []
    """Those that should answer beside the live one, or be its shadow, and can't: their users get
    pages of the live one."""


class Problem(Contract):
    """Why a request was not answered."""

    detail: str
    """One sentence."""
