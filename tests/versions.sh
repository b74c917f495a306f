#!/usr/bin/env bash
# Runs the tests that need no service on older Airflow versions, each in an environment of its own:
#
#     tests/versions.sh VERSION... [-- ARGUMENT OF PYTEST...]
#
# A version is named by the constraint file beside constraints.txt: 3.1 is constraints-3.1.txt.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
versions=()
while (($#)) && [[ $1 != -- ]]; do
    versions+=("$1")
    shift
done
if (($#)); then
    shift
fi

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

prepare() {
    local constraints=$1 venv=$2
    # The mark is made last, so that an environment that was not finished is made anew.
    if [[ $venv/.ready -nt $constraints && $venv/.ready -nt pyproject.toml ]]; then
        return
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --constraint "$constraints" uv || true
    install "$venv" --requirement "$constraints"
    install "$venv" --no-deps --no-build-isolation --editable .
    touch "$venv/.ready"
}

failed=()
for version in "${versions[@]}"; do
    venv=$PWD/build/airflow-$version
    step "Airflow $version: environment in build/airflow-$version"
    prepare "constraints-$version.txt" "$venv"
    step "Airflow $version: tests on $("$venv/bin/python" -c '
import platform
from importlib.metadata import version
print("Airflow", version("apache-airflow"), "and Python", platform.python_version())')"
    # All versions are tried, even when the first fails.
    "$venv/bin/python" -m pytest tests/task tests/dag "$@" || failed+=("$version")
done
if ((${#failed[@]})); then
    step "Failed on Airflow ${failed[*]}"
    exit 1
fi
step "Passed on Airflow ${versions[*]}"
