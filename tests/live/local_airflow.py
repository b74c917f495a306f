"""Starts a whole Airflow on this machine: API server, scheduler, Dag processor and triggerer.

The live tests start it as an object, ``make ui`` starts it as a program. Both use the settings below.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil  # type: ignore[import-untyped]

from airflow_dynamic_provider.version_compat import COMMAND
from tests import strict_api

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import FrameType

HOST = "127.0.0.1"

#: Name -> command line. The API server reads the logs from the disk, so no other component has to serve them.
COMPONENTS = {
    "api-server": ["api-server", "--host", HOST],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}

SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "AIRFLOW__LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
    # The API server looks up a user's token in its event loop. If the requests of tasks had all connections,
    # that would wait for one of them, and they would wait for the event loop.
    "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "-1",
    # An import error shows the author's own line, not only the innermost two.
    "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "12",
    # New and changed Dag files appear within seconds.
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
}

#: Settings that make many short tasks fast.
TUNING = {
    # A supervisor that misses the end of its task sleeps this long (5 by default), and so does its worker.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # A scheduler that is late (30 by default) would take its own tasks for those of a dead one.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300",
    # A supervisor gives up after five requests without an answer. Five seconds for each are too short here.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    # Tasks wait for the API server most of their time.
    "AIRFLOW__CORE__PARALLELISM": str(6 * (os.cpu_count() or 1)),
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": str(6 * (os.cpu_count() or 1)),
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "0",
    "AIRFLOW__API__WORKERS": str(max(1, (os.cpu_count() or 1) - 1)),
}

#: Modules that the scheduler imports once. The processes that it forks for tasks inherit them.
LOCAL_SETTINGS = """\
import airflow.providers.standard.decorators.python
import airflow.providers.standard.operators.python
import airflow.sdk.definitions.decorators
import airflow.sdk.execution_time.task_runner
import jinja2.sandbox
import airflow_dynamic_provider.workflows.dag.group
from airflow_dynamic_provider import *
from wrapt import when_imported


@when_imported("airflow.api_fastapi.logging.decorators")
def _commit_in_thread(decorators):
    # With Airflow's own, a server on SQLite stands still if a run is started while tasks run.
    from airflow_dynamic_provider.airflow_adapter.audit_log import commits_in_thread

    action_logging = decorators.action_logging
    decorators.action_logging = lambda event=None: commits_in_thread(action_logging(event))


__all__ = []
"""


class StartError(RuntimeError):
    """A component ended, or did not become healthy in time."""


class LocalAirflow:
    """The components of one Airflow.

    Args:
        home: Its AIRFLOW_HOME: settings, SQLite database, logs.
        dags: Its Dag folder.
        port: The port of its API server on the loopback interface; any free one by default.
        settings: Environment variables that override those above; ``None`` leaves one out.
        local_settings: The local settings of Airflow, which every component imports.
        path: The path below which the API server answers, with a leading slash; none by default.
        without: The names of components that it does not have.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        port: int | None = None,
        settings: Mapping[str, str | None] | None = None,
        local_settings: str = LOCAL_SETTINGS,
        path: str = "",
        without: Collection[str] = (),
    ) -> None:
        self.local_settings = local_settings
        self.names = [name for name in COMPONENTS if name not in without]
        self.home = home.resolve()
        self.dags = dags.resolve()
        self.port = port or free_port()
        self.settings = settings or {}
        self.url = f"http://{HOST}:{self.port}{path}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @contextlib.contextmanager
    def running(self, *, seconds: float = 300) -> Iterator[LocalAirflow]:
        """Start everything, wait until it is healthy, and stop it at the end.

        Raises:
            StartError: It did not become healthy; the error shows the components' logs.
        """
        try:
            self._start()
            self._wait_until_healthy(seconds)
            yield self
        finally:
            self._stop()

    def check(self) -> None:
        """Check that all components run.

        Raises:
            StartError: One has ended.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise StartError(f"{name} ended with status {process.returncode}\n{self.recent_logs(name)}")

    def kill(self, name: str) -> None:
        """Kill a component with all processes that it has started, as if its machine had failed."""
        process = self.processes.pop(name)
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            each.kill()
        process.wait()

    def kill_all(self) -> None:
        """Kill all components, because nothing of them is needed any longer."""
        for name in list(self.processes):
            self.kill(name)

    def start(self, name: str) -> None:
        """Start a component."""
        self.processes[name] = self._launch(name, COMPONENTS[name])

    def command(self, *arguments: str) -> str:
        """Run one of the package's commands beside it, and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND.removeprefix("python -m ").split(), *arguments],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def python(self, module: str, *arguments: str) -> None:
        """Run a Python module of the tests beside it, with its settings."""
        environment = {**self._environment, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True)

    def has_logged(self, name: str, text: str) -> bool:
        """Whether a component has written a line with this text."""
        log = self._log(name)
        return log.exists() and text in log.read_text(errors="replace")

    def recent_logs(self, *names: str) -> str:
        """Return the last lines of the components' logs."""
        tails = []
        for name in names or self.names:
            log = self._log(name)
            lines = log.read_text(errors="replace").splitlines()[-40:] if log.exists() else []
            tails.append("\n".join([f"--- {name} ({log})", *lines]))
        return "\n".join(tails)

    def _start(self) -> None:
        _check_port(self.port)
        strict_api.write_local_settings(self.home / "config", self.local_settings)
        migration = self._launch("migration", ["db", "migrate"])
        if migration.wait() != 0:
            raise StartError(f"the database could not be created\n{self.recent_logs('migration')}")
        for name in self.names:
            self.start(name)

    def _launch(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        log = self._log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # In a separate session, so that Ctrl-C reaches only this process, which then stops them in order.
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env=self._environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @functools.cached_property
    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # The default is five seconds. On a busy machine a component then ends because another one is writing.
        database = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout=60"}
        own = {
            name: value
            for name, value in {**SETTINGS, **TUNING, **database, **self.settings}.items()
            if value is not None
        }
        return {
            **inherited,
            **own,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        }

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _wait_until_healthy(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_healthy():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"Airflow is not healthy after {seconds:.0f} s\n{self.recent_logs()}")
            time.sleep(0.5)

    def _is_healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            # The API of tasks is built at its first request, and all others wait for that.
            httpx.get(f"{self.url}/execution/health", timeout=60)
        except httpx.TransportError:
            return False
        # The API server is healthy if it answers.
        components = [name.replace("-", "_") for name in self.names if name != "api-server"]
        health = answer.json() if answer.status_code == httpx.codes.OK else {}
        return all(health.get(part, {}).get("status") == "healthy" for part in ("metadatabase", *components))

    def _stop(self) -> None:
        # The API server ends last, because tasks report their end to it.
        api_server = self.processes.pop("api-server", None)
        stop_processes(list(self.processes.values()))
        self.processes.clear()
        stop_processes([api_server] if api_server else [])


def stop_processes(processes: list[subprocess.Popen[bytes]]) -> None:
    """Stop components, and kill those that are left after a while."""
    # Several times, because Airflow raises an exception in its signal handler, and Python drops the exception
    # in certain places.
    for _ in range(3):
        for process in processes:
            process.terminate()
        if _have_ended(processes, seconds=5):
            break
    for process in processes:
        kill_session(process.pid)
        process.wait()


def _have_ended(processes: list[subprocess.Popen[bytes]], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def kill_session(leader: int) -> None:
    """Kill a component with all processes that it has started."""
    signal_session(leader, signal.SIGKILL)


def signal_session(leader: int, signal_number: int) -> None:
    """Send a signal to a component and to all processes that it has started."""
    # A leftover task has its own process group, but shares the session of the scheduler that started it.
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == leader:
                os.kill(pid, signal_number)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(f"port {port} is not free ({error}): choose another one") from error


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Start Airflow, print its address, and stop it on Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--home", type=Path, required=True, help="its AIRFLOW_HOME")
    parser.add_argument("--dags", type=Path, required=True, help="its Dag folder")
    parser.add_argument("--port", type=int, default=8080, help="the port of its API server and UI")
    arguments = parser.parse_args()
    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop_signal, _interrupt)
    airflow = LocalAirflow(arguments.home, arguments.dags, arguments.port)
    try:
        _say(f"Starting Airflow (logs in {airflow.home / 'logs'})")
        with airflow.running():
            _say(f"\n    Airflow is ready:  {airflow.url}\n\nCtrl-C stops it.")
            while True:
                airflow.check()
                time.sleep(1)
    except KeyboardInterrupt:
        _say("\nAirflow has stopped.")
        return 0
    except StartError as error:
        _say(str(error))
        return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
