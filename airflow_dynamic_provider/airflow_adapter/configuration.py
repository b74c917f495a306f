"""Airflow's configuration. `airflow.sdk` does not export it, but ``conf`` is documented."""

from __future__ import annotations

from airflow.configuration import AIRFLOW_HOME, conf

__all__ = ["SECTION", "conf", "own_option"]

#: The section of the package's options.
SECTION = "dynamic_outputs"


def own_option(name: str) -> str:
    """Return a text option of the package, or its default.

    Airflow 3.1 knows the defaults of providers only in processes that its commands have started. The others
    are pods of the KubernetesExecutor, and programs that run a Dag.
    """
    # Imported here, because few tasks ask.
    from airflow_dynamic_provider.provider_info import get_provider_info

    default: str = get_provider_info()["config"][SECTION]["options"][name]["default"]
    return str(conf.get(SECTION, name, fallback=default.format(AIRFLOW_HOME=AIRFLOW_HOME)))
