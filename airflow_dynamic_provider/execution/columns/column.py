"""The base class of columns, which read the outcome of each key, and the values of keys that succeeded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.states import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The maximum number of an output's values that one call reads. It is about Airflow's default map length.
AT_ONCE = 1000


class Column(ABC):
    """The states and values of one source for the keys of its space. Arguments are indexes in the space.

    There are two ways to read the values. `fetch` returns all of them. `survey` returns which values there
    are, and `values` then reads some of them at a time, to save memory. Both ways find the same values.
    """

    @abstractmethod
    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the final state for each key. It does not read the values.

        Raises:
            CollectError: A state is not final, or belongs to an earlier key at the position.
        """

    @abstractmethod
    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the value for each key. The keys must have values according to `survey`, and be in order."""

    def error(self, index: int) -> str | None:
        """Return the error of a key that failed, if it is stored. It makes some API calls."""
        return None

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return the outcome for each key, as `fetch` does."""
        return self.outcomes(indexes)

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return index -> (outcome, value). The value is ``None`` unless the outcome is success.

        The outcome is the final state. It is `MARKED` if the clone was marked as success and stored no value,
        and skipped if the clone did not produce an optional output.
        """
        outcomes = dict(zip(indexes, self.outcomes(indexes), strict=True))
        successes = [index for index in indexes if outcomes[index] == SUCCESS]
        values = dict(zip(successes, self.values(successes) if successes else (), strict=True))
        return {index: (outcome, values.get(index)) for index, outcome in outcomes.items()}
