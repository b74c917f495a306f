"""Lets the same computation run in one task instance at a time.

A task instance claims a computation by a document that names it. Others ask Airflow for the state of the
claimant: as long as it runs, they wait. The claims of a computation are numbered, and the last one counts.
So of several task instances that find the claimant dead, one makes the next claim, because a document is
created only once.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.cache.store import folder_of, open_store
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import Form
from airflow_dynamic_provider.execution.layout import MadeBy

if TYPE_CHECKING:
    from airflow_dynamic_provider.cache.identity import Identity

log = logging.getLogger(__name__)

CLAIM = Form(
    "the claim of a computation",
    frozenset({"owner", "until_end"}),
    "Delete it: airflow dynamic-outputs cache clear.",
)

_RUNNING = "running"

#: The end of the name of a claim, before its number.
SUFFIX = ".claim-"


class Claim(Record):
    """A task instance that makes a computation.

    Attributes:
        owner: The task instance.
        until_end: Whether it holds the claim before it runs, until it has ended: the last task of a workflow.
            Otherwise, it holds it while it runs.
    """

    owner: MadeBy
    until_end: bool = False

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {**CLAIM.stamp, "owner": self.owner.pack(), "until_end": self.until_end}

    @classmethod
    def unpack(cls, stored: Any) -> Claim:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = CLAIM.read(stored)
        return cls(MadeBy.unpack(document["owner"]), bool(document["until_end"]))

    @property
    def is_alive(self) -> bool:
        """Whether the task instance still makes the computation. One API call."""
        owner = self.owner
        # A task that has not been expanded has one state for all map indexes.
        index = None if self.until_end else owner.map_index
        states = xcom.read_states_of_run(owner.dag_id, owner.run_id, [owner.task_id], index)
        if not states:
            return False
        state = xcom.state_at(states, owner.task_id, owner.map_index)
        return state not in FINAL if self.until_end else state == _RUNNING


def claim(identity: Identity, mine: Claim) -> bool:
    """Claim a computation, and return whether it is claimed: ``False`` if another task instance makes it.

    Two or three calls to the object store and one API call, and one more for each task instance that died.
    """
    store, number, last = open_store(), 0, None
    while (stored := store.read(_name(identity, number))) is not None:
        last, number = stored, number + 1
    if last is not None:
        holder = _read(last)
        if holder == mine:
            return True
        if holder is not None and holder.is_alive:
            log.info("The task instance %s makes the same computation", holder.owner)
            return False
    return store.create(_name(identity, number), json.dumps(mine.pack()).encode())


def release(identity: Identity, mine: Claim) -> None:
    """Give a claim up, unless another one follows. Those of task instances that died stay, and do no harm."""
    store, number, mine_at = open_store(), 0, None
    while (stored := store.read(_name(identity, number))) is not None:
        mine_at, number = (number if _read(stored) == mine else mine_at), number + 1
    if mine_at is not None and mine_at == number - 1:
        store.delete(_name(identity, mine_at))


def _read(stored: bytes) -> Claim | None:
    try:
        return Claim.unpack(json.loads(stored))
    except (LayoutError, ValueError):
        # Damaged: nobody can prove that it is theirs.
        return None


def _name(identity: Identity, number: int) -> str:
    return f"{folder_of(identity.dag_id, identity.task_id)}/{identity.key}{SUFFIX}{number}"
