"""What every column offers: what became of each key, and the values of those that succeeded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.states import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Up to so many values of one output are read in one call. Airflow maps about as many by default.
AT_ONCE = 1000


class Column(ABC):
    """What one source has for each key of its space. Keys are addressed by their index in the space.

    There are two ways to the values. `fetch` gives all of them. `survey` says which there are, and then
    `values` reads some of them at a time, so that the others need no memory. Both find the same.
    """

    @abstractmethod
    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the final state for each key, without a look at the values.

        Raises:
            CollectError: One is not final, or is not of the key that is there now.
        """

    @abstractmethod
    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the value for each key, of keys that have one as `survey` says, in ascending order."""

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return the outcome for each key, as `fetch` gives it."""
        return self.outcomes(indexes)

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return index -> (outcome, value), the value ``None`` unless the outcome is success.

        The outcome is the final state; of a key whose clone was marked as success and left no value it is
        `MARKED`, and of one whose clone has left an optional output out, it is that of a skipped one.
        """
        outcomes = dict(zip(indexes, self.outcomes(indexes), strict=True))
        successes = [index for index in indexes if outcomes[index] == SUCCESS]
        values = dict(zip(successes, self.values(successes) if successes else (), strict=True))
        return {index: (outcome, values.get(index)) for index, outcome in outcomes.items()}
