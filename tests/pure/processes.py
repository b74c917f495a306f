"""Fresh interpreters, for tests that depend on the loaded modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import airflow_dynamic_provider

PACKAGE = Path(airflow_dynamic_provider.__file__).parent


def run_python(code):
    """Run ``code`` in a fresh interpreter, and return the last line it prints, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
