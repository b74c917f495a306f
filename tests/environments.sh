# Environments with other Airflows, for versions.sh and canary.sh, which read this file.

python=${PYTHON:-python3}

step() {
    printf '\033[1m==> %s\033[0m\n' "$*"
}

# Like the Makefile: uv where it can be had, pip otherwise.
install() {
    local venv=$1
    shift
    "$venv/bin/uv" pip install --python "$venv/bin/python" --compile-bytecode "$@" ||
        "$venv/bin/python" -m pip install --disable-pip-version-check "$@"
}

# The mark is made last, so that an environment that was not finished is made again.
finish() {
    local venv=$1
    install "$venv" --no-deps --no-build-isolation --editable .
    touch "$venv/.ready"
}

describe() {
    "$1/bin/python" -c '
import platform
from importlib.metadata import version
print("Airflow", version("apache-airflow"), "and Python", platform.python_version())'
}
