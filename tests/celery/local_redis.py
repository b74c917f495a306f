"""Starts a Redis server of its own, with the program of the system's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import redis

from tests.live.local_airflow import HOST, StartError

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "redis-server"]


class LocalRedis:
    """A server on the loopback interface, with the settings that it has by itself.

    Args:
        folder: Where it leaves its data when it is stopped, and finds them when it is started.
        port: Its port.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.client = redis.Redis(host=HOST, port=port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = 30) -> None:
        """Start it, and wait until it answers.

        Raises:
            StartError: The program cannot be found or installed, or the server does not start.
        """
        self.folder.mkdir(exist_ok=True)
        command = [_program(), "--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            # In a session of its own, Ctrl-C reaches this process alone.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"Redis does not start\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it; it saves its data before it ends."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


def _program() -> str:
    found = shutil.which("redis-server")
    if found is None and os.geteuid() == 0 and shutil.which(INSTALL[0]):
        # The package starts a server of its own, which this machine need not have.
        environment = {**os.environ, "RUNLEVEL": "1"}
        subprocess.run([INSTALL[0], "update"], check=False)
        subprocess.run(INSTALL, env=environment, check=False)
        found = shutil.which("redis-server")
    if found is None:
        raise StartError(f"Redis is needed, and was not found; install it: {' '.join(INSTALL)}")
    return found
