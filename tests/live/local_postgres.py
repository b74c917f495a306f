"""Starts a PostgreSQL server of its own, with the programs of the system's package."""

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

# Its data outlives no test, so nothing need reach the disk.
OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}

INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]


@contextlib.contextmanager
def local_postgres(*, seconds: float = 60) -> Iterator[str]:
    """Start a server on a free port of the loopback interface, and give the address of an empty database.

    Raises:
        StartError: The programs cannot be found or installed, or the server does not start.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    owner = _owner()
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    port, password = free_port(), secrets.token_hex(16)
    server: subprocess.Popen[bytes] | None = None
    try:
        _create(programs, folder, password, owner)
        server = _start(programs, folder, port, owner)
        address = f"{HOST}:{port}/postgres"
        _wait_until_ready(server, f"postgresql://test:{password}@{address}", folder, seconds)
        yield f"postgresql+psycopg2://test:{password}@{address}"
    finally:
        if server is not None:
            # Ends without waiting for clients.
            server.send_signal(signal.SIGINT)
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


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
    # It refuses to run as root.
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _as(owner: pwd.struct_passwd) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _create(programs: Path, folder: Path, password: str, owner: pwd.struct_passwd) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o600)
    os.chown(password_file, owner.pw_uid, owner.pw_gid)
    command: list[str | Path] = [
        programs / "initdb",
        *("--pgdata", folder / "data"),
        *("--username", "test", "--pwfile", password_file, "--auth", "scram-sha-256"),
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
    with (folder / "log").open("wb") as log:
        # In a session of its own, Ctrl-C reaches this process alone.
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
