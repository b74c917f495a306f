"""Starts a separate PostgreSQL server with the programs of the system's package."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2  # type: ignore[import-untyped]

from tests.live.local_airflow import HOST, StartError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

# Its data does not outlive the tests, so nothing has to reach the disk.
OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}

INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]


class LocalPostgres:
    """A server on a free port of the loopback interface.

    Args:
        user: The name of its superuser.
        password: Its password.
        database: The database that is created in it; by default that of the superuser's tools.
    """

    def __init__(self, user: str = "test", password: str | None = None, database: str = "postgres") -> None:
        self.user = user
        self.password = password or secrets.token_hex(16)
        self.database = database
        self.port = free_port()
        self.programs = _programs()
        self.owner = _owner()
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._server: subprocess.Popen[bytes] | None = None
        os.chown(self.folder, self.owner.pw_uid, self.owner.pw_gid)

    def address(self, driver: str = "postgresql", database: str | None = None) -> str:
        """Return the address of its database."""
        return f"{driver}://{self.user}:{self.password}@{HOST}:{self.port}/{database or self.database}"

    def create(self) -> None:
        """Create its files, start it, and create its database.

        Raises:
            StartError: One of these steps failed.
        """
        _create(self.programs, self.folder, self.user, self.password, self.owner)
        self.start("postgres")
        if self.database != "postgres":
            connection = psycopg2.connect(self.address(database="postgres"))
            # A database cannot be created inside a transaction.
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{self.database}"')
            connection.close()

    def start(self, database: str | None = None, *, seconds: float = 60) -> None:
        """Start it with its existing files, and wait until it accepts clients.

        Raises:
            StartError: It does not start.
        """
        self._server = _start(self.programs, self.folder, self.port, self.owner)
        _wait_until_ready(self._server, self.address(database=database), self.folder, seconds)

    def stop(self) -> None:
        """Stop it, without waiting for clients."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()

    def remove(self) -> None:
        """Stop it, and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def local_postgres() -> Iterator[str]:
    """Start a server on a free port of the loopback interface, and yield the address of an empty database.

    Raises:
        StartError: The programs cannot be found or installed, or the server does not start.
    """
    server = LocalPostgres()
    try:
        server.create()
        yield server.address("postgresql+psycopg2")
    finally:
        server.remove()


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, which is not on Debian's PATH."""
    found = _find_programs()
    if found is None and os.geteuid() == 0 and shutil.which(INSTALL[0]):
        subprocess.run([INSTALL[0], "update"], check=False)
        subprocess.run(INSTALL, check=False)
        found = _find_programs()
    if found is None:
        raise StartError(f"PostgreSQL is needed, and was not found; install it: {' '.join(INSTALL)}")
    return found


def _find_programs() -> Path | None:
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    folders = [*([Path(on_path).resolve().parent] if on_path else []), *reversed(debian)]
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def _owner() -> pwd.struct_passwd:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _as(owner: pwd.struct_passwd) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _create(programs: Path, folder: Path, user: str, password: str, owner: pwd.struct_passwd) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o600)
    os.chown(password_file, owner.pw_uid, owner.pw_gid)
    command: list[str | Path] = [
        programs / "initdb",
        *("--pgdata", folder / "data"),
        *("--username", user, "--pwfile", password_file, "--auth", "scram-sha-256"),
        *("--encoding", "UTF8", "--no-locale", "--no-sync"),
    ]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **_as(owner))
    if made.returncode != 0:
        raise StartError(f"initdb failed\n{made.stdout}{made.stderr}")


def _start(programs: Path, folder: Path, port: int, owner: pwd.struct_passwd) -> subprocess.Popen[bytes]:
    options = {**OPTIONS, "port": port}
    command: list[str | Path] = [
        programs / "postgres",
        *("-D", folder / "data"),
        *(argument for name, value in options.items() for argument in ("-c", f"{name}={value}")),
    ]
    with (folder / "log").open("ab") as log:
        # In a separate session, so that Ctrl-C reaches only this process.
        return subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True, **_as(owner)
        )


def _wait_until_ready(server: subprocess.Popen[bytes], address: str, folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg2.connect(address).close()
        except psycopg2.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                log = (folder / "log").read_text(errors="replace")
                raise StartError(f"PostgreSQL does not start: {error}\n{log}") from error
            time.sleep(0.05)
        else:
            return
