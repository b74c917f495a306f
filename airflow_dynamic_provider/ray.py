"""Runs the keys of batches on Ray. Ray is imported when a batch starts, and not before.

Install it with the package: ``pip install airflow-dynamic-provider[ray]``.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class RayExecutor(Executor):
    """An executor for `Batch` that runs each key as a Ray task.

    It is made in the task's process, when a batch starts. It uses the Ray cluster that this process is
    connected to. If there is none, it connects, and disconnects when the batch ends.

    Args:
        address: The address of the cluster, as for ``ray.init``, such as ``"ray://ray-head:10001"``. By
            default that of the environment variable ``RAY_ADDRESS``; without it, a cluster on this machine is
            started for each batch.
        options: The options of the Ray tasks, such as ``num_cpus=2``. By default, Ray runs a task only once
            (``max_retries=0``), because the retries of the Airflow task run failed keys again.

    Raises:
        ImportError: Ray is not installed.

    Example:
        >>> from airflow_dynamic_provider.ray import RayExecutor
        >>> on_ray = Batch(1000, runner=lambda: RayExecutor("ray://ray-head:10001"))
    """

    def __init__(self, address: str | None = None, **options: Any) -> None:
        try:
            import ray  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise ImportError(
                "RayExecutor needs Ray: pip install airflow-dynamic-provider[ray]", name="ray"
            ) from error
        self._ray = ray
        self._options = {"max_retries": 0, **options}
        self._is_own = not ray.is_initialized()
        if self._is_own:
            # Airflow's own logging stays as it is.
            ray.init(address=address, configure_logging=False, include_dashboard=None if address else False)

    @property
    def max_workers(self) -> int | None:
        """How many keys the cluster can run at the same time now; ``None`` if it has no processors yet."""
        processors = float(self._ray.cluster_resources().get("CPU", 0))
        for_each = float(self._options.get("num_cpus", 1))
        return int(processors / for_each) or None if for_each else None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a Ray task. If its future is cancelled, the process that runs it is ended."""
        reference = self._ray.remote(**self._options)(fn).remote(*args, **kwargs)
        future: Future[Any] = reference.future()

        def stop(ended: Future[Any]) -> None:
            if ended.cancelled():
                self._ray.cancel(reference, force=True)

        future.add_done_callback(stop)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Disconnect from the cluster, if this executor has connected. Ray then ends tasks that still run."""
        if self._is_own:
            self._ray.shutdown()
