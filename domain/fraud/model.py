"""The model port: a score beside the rules, which may be missing at any moment."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from domain.fraud.features import Vector


class Model(Protocol):
    """A trained scorer, loaded once and asked for every payment."""

    @property
    def model_id(self) -> str:
        """The name under which its decisions are kept."""
        ...

    @property
    def feature_set_id(self) -> str:
        """The feature set it was trained on; with any other it is not asked."""
        ...

    def score(self, vector: Vector) -> Decimal | None:
        """Return the probability of fraud, 0 to 1; None when it cannot be had in time."""
        ...
