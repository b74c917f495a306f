#!/usr/bin/env bash
# Runs the tests that need Airflow on older Airflow versions, each in an environment of its own:
#
#     tests/versions.sh VERSION... [-- ARGUMENT OF PYTEST...]
#
# A version is named by the constraint file beside constraints.txt: 3.1 is constraints-3.1.txt.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/environments.sh

versions=()
while (($#)) && [[ $1 != -- ]]; do
    versions+=("$1")
    shift
done
if (($#)); then
    shift
fi

prepare() {
    local constraints=$1 venv=$2
    if [[ $venv/.ready -nt $constraints && $venv/.ready -nt pyproject.toml ]]; then
        return
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --constraint "$constraints" uv || true
    install "$venv" --requirement "$constraints"
    finish "$venv"
}

failed=()
for version in "${versions[@]}"; do
    venv=$PWD/build/airflow-$version
    step "Airflow $version: environment in build/airflow-$version"
    prepare "constraints-$version.txt" "$venv"
    step "Airflow $version: tests on $(describe "$venv")"
    # All versions are tried, even when the first fails.
    status=0
    "$venv/bin/python" -m pytest tests/contract tests/task tests/dag tests/dagster tests/flyte \
        --numprocesses 2 --dist loadfile "$@" || status=1
    "$venv/bin/python" -m pytest tests/live "$@" || status=1
    ((status == 0)) || failed+=("$version")
done
if ((${#failed[@]})); then
    step "Failed on Airflow ${failed[*]}"
    exit 1
fi
step "Passed on Airflow ${versions[*]}"
