"""What a verdict on a bundle stops."""

from __future__ import annotations

from pipeline.artifacts import Blessing, ModelBundle
from recsys import pushes
from recsys.errors import BadInput, ModelRefused
from recsys.workspace import Workspace


def require(blessing: Blessing, candidate: ModelBundle, workspace: Workspace) -> None:
    """Lets a bundle go on that was blessed.

    Raises:
        ModelRefused: it was refused; what serves serves on.
        BadInput: the verdict is on another bundle, which a component that ran alone made since.
    """
    version, verdict = blessing.values["bundle"], blessing.values["verdict"]
    if not verdict["blessed"]:
        reasons = "; ".join(verdict["reasons"])
        page = workspace.reports / blessing.published_as
        more = f"{page} shows all that was measured. " if blessing.published_as else ""
        raise ModelRefused(
            f"bundle {version} was refused by the {blessing.component}: {reasons}. "
            f"{more}{pushes.serving(workspace)}",
            verdict["reasons"],
        )
    if version != candidate.version:
        raise BadInput(
            f"expected the {blessing.component}'s verdict on bundle {candidate.version}, found one "
            f"on {version}: materialize {blessing.component} first, or let `recsys run` do it."
        )
