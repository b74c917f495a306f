#!/usr/bin/env bash
# Runs the tests on the newest Airflow that the package index has, a pre-release or not yet supported, with the
# newest of all that it needs, in an environment of its own; says which assumptions it breaks:
#
#     tests/canary.sh [RING...] [-- ARGUMENT OF PYTEST...]

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/environments.sh

rings=()
while (($#)) && [[ $1 != -- ]]; do
    rings+=("$1")
    shift
done
if (($#)); then
    shift
fi

venv=$PWD/build/airflow-canary

newest() {
    "$venv/bin/python" -m pip index versions --pre apache-airflow 2> /dev/null | sed -nE '1s/.*\((.*)\)/\1/p'
}

# Pre-releases of nothing but Airflow: those of all that it needs would say little about it.
prepare() {
    local version=$1
    if [[ -e $venv/.ready && $(cat "$venv/.version") == "$version" && $venv/.ready -nt pyproject.toml ]]; then
        return
    fi
    rm -f "$venv/.ready"
    install "$venv" --upgrade --group pyproject.toml:dev hatchling editables \
        "apache-airflow==$version" "apache-airflow-core==$version"
    printf '%s\n' "$version" > "$venv/.version"
    finish "$venv"
}

if [[ ! -x $venv/bin/uv ]]; then
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip uv
fi
version=$(newest)
[[ -n $version ]] || { step "The package index does not say which Airflows there are"; exit 1; }
step "Airflow $version: environment in build/airflow-canary"
prepare "$version"
step "Airflow $version: tests on $(describe "$venv")"
"$python" tests/canary.py "$venv/bin/python" build/canary ${rings[@]:+--rings "${rings[@]}"} -- "$@"
