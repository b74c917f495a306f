"""Classic operators take the item, or a part of it, in their templated fields.

Run it by itself: ``python dags/classic_operators.py``.
"""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

HOSTS = {
    "web-1.example.org": {"port": "443", "role": "web"},
    "web-2.example.org": {"port": "8443", "role": "web"},
    "db.example.org": {"port": "5432", "role": "database"},
}


@task.dynamic(out=DynamicOut(dict))
def hosts():
    """Produce one output per host, keyed by its name."""
    for name, host in HOSTS.items():
        yield DynamicOutput(host, mapping_key=name, metadata={"role": host["role"]})


@task
def inventory(lines: dict[str, str]) -> list[str]:
    """List the output of every host."""
    return list(lines.values())


@dag(schedule=None, tags=["dynamic outputs"])
def classic_operators():
    """Run a shell command for each host."""
    said = hosts().map(
        lambda host: BashOperator(
            task_id="say",
            bash_command='echo "{{ mapping_key }} serves $ROLE on $PORT"',
            env={"ROLE": host["role"], "PORT": host["port"]},
            append_env=True,
        )
    )
    inventory(said.collect(keyed=True))


def expected() -> list[str]:
    """Return what ``inventory`` must return, computed in plain Python."""
    return [f"{name} serves {host['role']} on {host['port']}" for name, host in HOSTS.items()]


the_dag = classic_operators()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
