"""Key spaces at run time: the tasks that list the keys, and the routes from one space to another.

A *route* leads from a clone's key space to a space that its keys are made of: to the outer keys of a nested
space, or to a side of a joined space. It is a tuple of link numbers. ``()`` is the route to the same space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.batches import Batch

KeyPath = tuple[str, ...]
Route = tuple[int, ...]
How = Literal["inner", "outer", "strict", "product"]

#: The links of a joined space, by their numbers.
LEFT, RIGHT, AROUND = 0, 1, 2


class Space(Record, ABC, eq=False):
    """A set of key paths.

    Attributes:
        keys_task_id: The task that lists the key paths.
        keys_xcom: The XCom key of the list on that task.
        enclosing: The space inside whose map it was made, if any. It has separate keys for each key there.
    """

    keys_task_id: str
    keys_xcom: str
    enclosing: Space | None

    @property
    @abstractmethod
    def links(self) -> tuple[Space, ...]:
        """The spaces that the keys of this space are made of."""

    @property
    @abstractmethod
    def depth(self) -> int:
        """The number of keys in a path."""

    @property
    @abstractmethod
    def origins(self) -> tuple[Origin, ...]:
        """The cloned tasks that produce some of the keys. If one of their clones fails, keys are missing."""

    @abstractmethod
    def path_of_link(self, link: int, path: KeyPath) -> KeyPath:
        """Return the part of a key path that is the key path in a linked space."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Space:
        # Spaces are compared by identity. A copy of a Dag, or of a part of it, has the same spaces.
        return self

    def spaces_around(self) -> list[Space]:
        """Return the spaces inside whose maps it was made, the innermost first."""
        around, space = [], self.enclosing
        while space is not None:
            around.append(space)
            space = space.enclosing
        return around


class Origin(Record, eq=False):
    """A cloned task that produces keys of a nested space.

    Attributes:
        task_id: The task.
        space: The keys that it is cloned for.
        keys_task_id: The task that lists the keys that its clones produced.
        batches: How it runs many keys in one task instance; ``None`` if it runs one.
    """

    task_id: str
    space: Space
    keys_task_id: str
    batches: Batches | None = None


class ProducedSpace(Space, eq=False):
    """The keys of a dynamic output of an unmapped task."""

    producer_id: str
    output: str
    is_required: bool

    @property
    def links(self) -> tuple[Space, ...]:
        """The linked spaces. There are none."""
        return ()

    @property
    def depth(self) -> int:
        """The number of keys in a path, which is 1."""
        return 1

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The cloned tasks that produce keys. There are none."""
        return ()

    def path_of_link(self, link: int, path: KeyPath) -> KeyPath:
        """Raise an error, because there are no linked spaces."""
        raise IndexError(link)


class NestedSpace(Space, eq=False):
    """The keys of a dynamic output of a cloned task, below the keys that it is cloned for.

    Attributes:
        producer_id: The task.
        output: The dynamic output.
        is_required: Whether the output is required.
        outer: The space that the task is cloned for.
        batches: How the task runs many keys in one task instance; ``None`` if it runs one.
    """

    producer_id: str
    output: str
    is_required: bool
    outer: Space
    batches: Batches | None = None

    @property
    def links(self) -> tuple[Space, ...]:
        """The space that the task is cloned for."""
        return (self.outer,)

    @property
    def depth(self) -> int:
        """The number of keys in a path: one more than in the outer space."""
        return self.outer.depth + 1

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The producing task, and the tasks that produce the outer keys."""
        own = Origin(self.producer_id, self.outer, self.keys_task_id, self.batches)
        return (*self.outer.origins, own)

    def path_of_link(self, link: int, path: KeyPath) -> KeyPath:
        """Return the outer key path."""
        return path[:-1]


class JoinedSpace(Space, eq=False):
    """The keys of two spaces, joined by a zip or a product, within each key of ``enclosing`` if it is set."""

    left: Space
    right: Space
    how: How

    @property
    def links(self) -> tuple[Space, ...]:
        """The left space, the right space, and the space around both, if any."""
        return (self.left, self.right, *((self.enclosing,) if self.enclosing else ()))

    @property
    def shared_depth(self) -> int:
        """The number of keys in a path that belong to the space around both sides."""
        return self.enclosing.depth if self.enclosing else 0

    @property
    def depth(self) -> int:
        """The number of keys in a path: that of each side for a zip, and the sum of both for a product."""
        if self.how != "product":
            return self.left.depth
        return self.left.depth + self.right.depth - self.shared_depth

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The origins of both sides, each once."""
        found = {(each.task_id, each.space): each for each in (*self.left.origins, *self.right.origins)}
        return tuple(found.values())

    def path_of_link(self, link: int, path: KeyPath) -> KeyPath:
        """Return the key path on a side, or in the space around both sides."""
        if link == AROUND:
            return path[: self.shared_depth]
        if self.how != "product" or link == LEFT:
            return path[: self.left.depth]
        return path[: self.shared_depth] + path[self.left.depth :]


class Routes(Record):
    """The routes from one space to another.

    Attributes:
        found: The routes. All lead to the same key, but an outer zip may lack the key on one side.
        is_ambiguous: Whether there are routes that lead to different keys.
    """

    found: tuple[Route, ...] = ()
    is_ambiguous: bool = False


def find_routes(space: Space, target: Space) -> Routes:
    """Return the routes from a space to a space that its keys are made of."""
    if space is target:
        return Routes(((),))
    if isinstance(space, JoinedSpace) and space.enclosing is not None:
        # Both sides are inside that space, so all routes to it or beyond lead to the same keys.
        around = find_routes(space.enclosing, target)
        if around.found:
            return Routes(tuple((AROUND, *route) for route in around.found), around.is_ambiguous)
    by_link = [find_routes(linked, target) for linked in space.links]
    found = tuple((number, *route) for number, routes in enumerate(by_link) for route in routes.found)
    is_product = isinstance(space, JoinedSpace) and space.how == "product"
    is_twofold = is_product and sum(bool(routes.found) for routes in by_link) > 1
    return Routes(found, is_twofold or any(routes.is_ambiguous for routes in by_link))


def may_lack(space: Space, route: Route) -> bool:
    """Return whether a key may be missing at the end of a route, on a side of an outer zip."""
    for link in route:
        if isinstance(space, JoinedSpace) and space.how == "outer":
            return True
        space = space.links[link]
    return False


def space_in_common(own: Space | None, other: Space) -> Space | None:
    """Return the innermost space around ``other`` in which a clone of ``own`` has a key, if any.

    A clone that collects the values of another space collects only those below that key.
    """
    if own is None:
        return None
    return next((space for space in other.spaces_around() if find_routes(own, space).found), None)


def name_of(space: Space) -> str:
    """Return the name of a space in messages."""
    if isinstance(space, JoinedSpace):
        method = "product" if space.how == "product" else "zip"
        return f"{name_of(space.left)}.{method}({name_of(space.right)})"
    assert isinstance(space, (ProducedSpace, NestedSpace))
    return f"{space.producer_id}.{space.output}"


class Cut(Record, eq=False):
    """A key space whose keys are divided into batches.

    Attributes:
        space: The key space.
        task_id: The task that lists the batches.
    """

    space: Space
    task_id: str

    def __deepcopy__(self, memo: dict[int, Any]) -> Cut:
        # Cuts are compared by identity. A copy of a Dag, or of a part of it, has the same cuts.
        return self


class Batches(Record, frozen=False, eq=False):
    """How a cloned task runs many keys in one task instance.

    Attributes:
        cut: The division of its keys into batches.
        settings: The author's settings.
        checks: Decide for each key whether it can start, collected while the Dag file is parsed.
        gate_id: The task that decides for each batch whether a key of it can start, if there are checks.
    """

    cut: Cut
    settings: Batch
    checks: list[Any] = field(default_factory=list)
    gate_id: str | None = None
