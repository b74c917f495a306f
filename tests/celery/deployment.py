"""Runs the deployment of ``docker/compose.yaml`` as plain processes of this machine.

What runs, with which settings, and how its health is told, is read from that file. What containers have of
their own is put in its place: a folder that is their AIRFLOW_HOME, and ports of the loopback interface.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil  # type: ignore[import-untyped]

from tests.celery.compose import Service, read_services
from tests.celery.local_redis import LocalRedis
from tests.live.local_airflow import (
    HOST,
    StartError,
    free_port,
    kill_session,
    signal_session,
    stop_processes,
)
from tests.live.local_postgres import LocalPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker" / "compose.yaml"

API_SERVER, SCHEDULER, TRIGGERER, INIT = "api-server", "scheduler", "triggerer", "init"
SECOND_SCHEDULER = "scheduler-2"
POSTGRES, REDIS = "postgres", "redis"

#: What a process that runs a task instance is called, before the id of the task instance.
TASK_TITLE = "airflow worker -- "

#: Process -> the service that it runs. The second scheduler is started by the test that wants it.
PROCESSES = {
    API_SERVER: API_SERVER,
    SCHEDULER: SCHEDULER,
    "dag-processor": "dag-processor",
    TRIGGERER: TRIGGERER,
    SECOND_SCHEDULER: SCHEDULER,
    "worker-1": "worker",
    "worker-2": "worker",
}

#: How long Airflow waits before it takes something for dead or lost. By default that is 300 and 600 s, longer
#: than a test can wait; what happens then is the same.
PATIENCE = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


class Deployment:
    """The services of the compose file, with two workers.

    Args:
        folder: Where everything has its files.
        dags: Its Dag folder.
    """

    def __init__(self, folder: Path, dags: Path) -> None:
        self.folder = folder.resolve()
        self.dags = dags.resolve()
        self.ports = {API_SERVER: free_port(), REDIS: free_port()}
        self.services = read_services(COMPOSE, {"AIRFLOW_PORT": str(self.ports[API_SERVER])})
        said = self.services[POSTGRES].environment
        self.postgres = LocalPostgres(said["POSTGRES_USER"], said["POSTGRES_PASSWORD"], said["POSTGRES_DB"])
        self.ports[POSTGRES] = self.postgres.port
        self.redis = LocalRedis(self.folder / REDIS, self.ports[REDIS])
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        #: What ended by itself and was started again.
        self.restarts: list[str] = []
        self.url = f"http://{HOST}:{self.ports[API_SERVER]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Deployment]:
        """Start everything, wait until it is healthy, and stop it at the end.

        Raises:
            StartError: It did not become healthy; the error shows the logs.
        """
        try:
            self._start()
            yield self
        finally:
            # The API server last: tasks that end report to it.
            api_server = self.processes.pop(API_SERVER, None)
            stop_processes(list(self.processes.values()))
            stop_processes([api_server] if api_server else [])
            self.redis.stop()
            self.postgres.remove()

    def start(self, name: str) -> None:
        """Start a process."""
        said = self.services[PROCESSES.get(name, name)]
        home = self.home(name)
        arguments = [*said.command, *self._own_arguments(name, said)]
        with (home / "log").open("ab") as log:
            # In a session of its own, Ctrl-C reaches the tests alone.
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env=self._environment(name, said),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End a process with all that it has started, as if its machine had gone."""
        process = self.processes.pop(name)
        kill_session(process.pid)
        process.wait()

    def stop(self, name: str) -> None:
        """End a process in an orderly way."""
        stop_processes([self.processes.pop(name)])

    def pause(self, name: str) -> None:
        """Let a process stand still, with all that it has started."""
        signal_session(self.processes[name].pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let it go on."""
        signal_session(self.processes[name].pid, signal.SIGCONT)

    def restart_ended(self) -> None:
        """Start again what ended by itself, where the compose file says so."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and self.services[PROCESSES[name]].is_restarted:
                self.restarts.append(name)
                kill_session(process.pid)
                self.start(name)

    def task_processes(self, name: str) -> list[psutil.Process]:
        """Return the processes of tasks that a worker has started."""
        leader = self.processes[name].pid
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if _is_task(process) and os.getsid(process.pid) == leader
        ]

    def wait_until_healthy(self, *, seconds: float = 300) -> None:
        """Wait until all have reported that they are well.

        Raises:
            StartError: They are not in time; the error shows the logs.
        """
        self._wait("Airflow", self._all_have_reported, seconds)

    def recent_logs(self, *names: str) -> str:
        """Return the last lines that processes wrote."""
        tails = []
        for name in names or self.processes:
            lines = (self.home(name) / "log").read_text(errors="replace").splitlines()[-40:]
            tails.append("\n".join([f"--- {name}", *lines]))
        return "\n".join(tails)

    def _start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.postgres.create()
        self.redis.start()
        self.start(INIT)
        if self.processes.pop(INIT).wait() != 0:
            raise StartError(f"the database could not be created\n{self.recent_logs(INIT)}")
        for name in PROCESSES:
            if name != SECOND_SCHEDULER:
                self.start(name)
        self.wait_until_healthy()
        for name in (name for name in PROCESSES if PROCESSES[name] == "worker"):
            self._wait(name, functools.partial(self._passes_its_check, name), 300)

    def _all_have_reported(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5)
        except httpx.TransportError:
            return False
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        health = answer.json() if answer.status_code == httpx.codes.OK else {}
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)

    def _passes_its_check(self, name: str) -> bool:
        """Run the health check of the compose file."""
        said = self.services[PROCESSES[name]]
        check = subprocess.run(
            ["sh", "-c", self._by_port(said.check, name)],
            env=self._environment(name, said),
            cwd=self.home(name),
            capture_output=True,
            check=False,
        )
        return check.returncode == 0

    def _wait(self, what: str, is_so: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            self.restart_ended()
            if time.monotonic() > deadline:
                raise StartError(f"{what} is not healthy\n{self.recent_logs()}")
            time.sleep(0.5)

    def home(self, name: str) -> Path:
        """Return the AIRFLOW_HOME of a process, which shares only logs and Dags with the others."""
        home = self.folder / name
        if not home.exists():
            home.mkdir()
            (self.folder / "logs").mkdir(exist_ok=True)
            (home / "logs").symlink_to(self.folder / "logs")
            (home / "dags").symlink_to(self.dags)
        return home

    def _own_arguments(self, name: str, said: Service) -> list[str]:
        # A container has a name of its own in the network, by which Celery tells its workers apart.
        return ["--celery-hostname", f"celery@{name}"] if said.command[:1] == ["celery"] else []

    def _environment(self, name: str, said: Service) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        own = {key: self._by_port(value, name) for key, value in said.environment.items()}
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
            **PATIENCE,
            **own,
            "HOSTNAME": name,
            "AIRFLOW_HOME": str(self.home(name)),
            # Each container has all ports for itself.
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(self.ports[API_SERVER]),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self._port(f"{name} health")),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self._port(f"{name} logs")),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._port(f"{name} logs")),
        }

    def _port(self, purpose: str) -> int:
        return self.ports.setdefault(purpose, free_port())

    def _by_port(self, text: str, name: str) -> str:
        """Return a text of the compose file with this machine's addresses in place of services' names."""
        services = (API_SERVER, POSTGRES, REDIS)
        address = re.compile(rf"(?<=//|[^/]@)({'|'.join(services)})(:\d+)?(?=/)")
        replaced = address.sub(lambda found: f"{HOST}:{self.ports[found[1]]}", text)
        replaced = replaced.replace("localhost:8080", f"{HOST}:{self.ports[API_SERVER]}")
        return replaced.replace("localhost:8974", f"{HOST}:{self._port(f'{name} health')}")


def _is_task(process: psutil.Process) -> bool:
    # Its title, once it runs a task instance.
    return " ".join(process.info["cmdline"] or []).startswith(TASK_TITLE)
