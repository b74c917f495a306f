#!/usr/bin/env bash
# Builds the container image without a Docker engine and tests it. Run it as root on Debian or a distribution based on it.
#
#   docker/image-test.sh [WHEEL]        without WHEEL, builds one from this checkout
#
# The base image is a stand-in for the official one, built from Debian (debootstrap) and Airflow (pip) with the machine's
# mirror and pip configuration. It is kept in $IMAGE_TEST_CACHE, so only the first run takes minutes.
# $STORAGE_DRIVER is the storage driver of buildah: "overlay" if that works, otherwise "vfs".

set -euo pipefail

AIRFLOW_VERSION=${AIRFLOW_VERSION:-3.3.2}
PYTHON=${PYTHON:-python3}
CACHE=${IMAGE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/airflow-dynamic-provider/image-test}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PACKAGE=airflow-dynamic-provider
IMAGE=localhost/$PACKAGE:image-test

step() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

fail() {
    printf 'image-test: %s\n' "$*" >&2
    exit 1
}

# Runs a command and shows its output only if it fails.
quietly() {
    "$@" > "$WORK/output" 2>&1 && return
    tail --lines 60 "$WORK/output" >&2
    fail "failed: $*"
}

# ---------------------------------------------------------------------------------------- the machine's own settings

install_tools() {
    [[ $EUID == 0 ]] || fail "must run as root: it makes root file systems"
    [[ -n $(type -P buildah) && -n $(type -P debootstrap) ]] && return
    step "Installing buildah and debootstrap"
    quietly apt-get update
    DEBIAN_FRONTEND=noninteractive quietly apt-get install --yes --no-install-recommends buildah debootstrap
}

# Prints the mirror that the machine uses for a Debian suite.
find_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
        | awk -v suite="$1" '$2 == suite && $3 == "main" && !found { print $1; found = 1 }'
}

# Writes the machine's whole pip configuration (files and environment) into one file. Prints the local paths in it
# (certificates, folders of packages), because the build needs them too.
write_pip_configuration() {
    "$PYTHON" - "$1" <<'PYTHON'
import ast, configparser, pathlib, subprocess, sys, urllib.request

listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
settings = [line.split("=", 1) for line in listing.stdout.splitlines()]
configuration, paths = configparser.RawConfigParser(), set()
for name, literal in sorted(settings, key=lambda setting: setting[0].startswith(":env:")):  # the environment wins
    section, key = name.replace(":env:", "global", 1).split(".", 1)
    if key in ("cache-dir", "log"):
        continue
    value = ast.literal_eval(literal)
    if not configuration.has_section(section):
        configuration.add_section(section)
    configuration.set(section, key, value)
    for word in value.split():
        path = pathlib.Path(urllib.request.url2pathname(word.removeprefix("file://")))
        if path.is_absolute() and path.exists():
            paths.add(path.parent if key.endswith("index-url") else path)  # an index links to folders beside it
with open(sys.argv[1], "w") as file:
    configuration.write(file)
print(*sorted(paths), sep="\n")
PYTHON
}

# ------------------------------------------------------------------------------------------------------- the images

buildah() {
    command buildah --storage-driver "$driver" --root "$CACHE/$driver" --runroot "$WORK/run" "$@"
}

# Overlay takes seconds. Not all machines allow it. vfs takes minutes, because it copies the whole image for each step.
choose_storage_driver() {
    for driver in ${STORAGE_DRIVER:-overlay vfs}; do
        buildah info > "$WORK/output" 2>&1 && return
    done
    cat "$WORK/output" >&2
    fail "buildah cannot store images in $CACHE"
}

build() {
    # Use the docker format, because the official base image sets SHELL and the other format does not support it.
    quietly buildah build --isolation chroot --network host --format docker --pull-never "${pip_volumes[@]}" "$@"
}

build_stand_in() {
    local mirror suite recipe context=$WORK/stand-in packages=ca-certificates,python3,python3-venv
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    recipe=$(echo "$suite $packages $AIRFLOW_VERSION" | cat - "$ROOT/docker/stand-in.Dockerfile" | sha256sum)
    stand_in=localhost/$PACKAGE-stand-in:${recipe:0:16}
    if buildah inspect --type image "$stand_in" > /dev/null 2>&1; then
        step "Using the stand-in base image of an earlier run"
        return
    fi
    step "Making a stand-in base image: Debian $suite"
    quietly apt-get update
    mirror=$(find_mirror "$suite")
    [[ -n $mirror ]] || fail "apt has no source of the main packages of $suite"
    # Remove earlier stand-ins, which only take up space.
    buildah rmi --all --force > /dev/null 2>&1 || true
    mkdir "$context"
    # Use a separate mount namespace, so that nothing stays mounted after a failure.
    quietly unshare --mount debootstrap --variant=minbase --include="$packages" "$suite" "$context/rootfs" "$mirror"
    rm -rf "$context/rootfs/var/cache/apt" "$context/rootfs/var/lib/apt/lists"
    tar --create --file "$context/rootfs.tar" --directory "$context/rootfs" --exclude './dev/*' .
    rm -rf "$context/rootfs"
    step "Making a stand-in base image: Airflow $AIRFLOW_VERSION"
    build --file "$ROOT/docker/stand-in.Dockerfile" --build-arg "AIRFLOW_VERSION=$AIRFLOW_VERSION" \
        --tag "$stand_in" "$context"
    rm -rf "$context"
}

build_image() {
    local context=$WORK/context
    mkdir --parents "$context/dist"
    if [[ -n $1 ]]; then
        cp "$1" "$context/dist/"
    else
        step "Building the wheel"
        quietly "$PYTHON" -m pip wheel --no-deps --wheel-dir "$context/dist" "$ROOT"
    fi
    cp --recursive "$ROOT/dags" "$ROOT/docker" "$context/"
    wheel=$(basename "$context/dist/"*.whl)
    step "Building docker/Dockerfile with $wheel"
    build --file "$context/docker/Dockerfile" --build-arg "BASE_IMAGE=$stand_in" --tag "$IMAGE" "$context"
}

# -------------------------------------------------------------------------------------------------------- the tests

in_image() { buildah run --isolation chroot --network host "$container" -- "$@"; }

expect() {
    local what=$1 expected=$2 actual=$3
    [[ $actual == "$expected" ]] || fail "$what: expected
$expected
but got
$actual"
}

test_layout() {
    local here there
    expect "user and group" "50000:0" "$(in_image bash -c 'echo "$(id --user):$(id --group)"')"
    expect "number of files left in /tmp" "0" "$(in_image bash -c 'ls --almost-all /tmp | wc --lines')"
    here=$(cd "$ROOT/dags" && find . -type f -not -path '*/__pycache__/*' | sort)
    there=$(in_image bash -c 'cd /opt/airflow/dags && find . -type f | sort')
    expect "files in the Dags folder" "$here" "$there"
}

test_packages() {
    local shipped installed
    shipped=$(in_image cat /home/airflow/constraints.txt)
    installed=$(in_image pip list --format=freeze)
    expect "packages besides the provider" "$shipped" "$(grep --invert-match "^$PACKAGE==" <<< "$installed")"
    quietly in_image pip check
}

test_provider() {
    local version listed
    version=$(cut --delimiter - --fields 2 <<< "$wheel")
    listed=$(in_image airflow providers list --output json 2> /dev/null) || fail "airflow providers list failed"
    expect "version in airflow providers list" "$version" "$("$PYTHON" -c '
import json, sys
providers = json.loads(sys.argv[1])
print(*(row["version"] for row in providers if row["package_name"] == sys.argv[2]))' "$listed" "$PACKAGE")"
}

test_compose() {
    buildah copy --quiet "$container" "$ROOT/docker/compose.yaml" /tmp/compose.yaml > /dev/null
    quietly check_compose
}

# Checks that the Airflow in the image has the commands and settings of compose.yaml. The check leaves out the command
# and settings of Celery, which the stand-in does not have.
check_compose() {
    in_image python - <<'PYTHON'
import shlex

import yaml
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf

with open("/tmp/compose.yaml") as file:
    services = yaml.safe_load(file)["services"]
ours = {name: service for name, service in services.items() if service["image"].startswith("airflow-dynamic-provider:")}
assert services.keys() - ours.keys() == {"postgres", "redis"}, services.keys()
for name, service in ours.items():
    command = shlex.split(service["command"])
    if command[0] != "celery":
        get_parser().parse_args(command)
    for variable in service["environment"]:
        if variable.startswith("AIRFLOW__"):
            _, section, option = variable.lower().split("__", 2)
            known = conf.configuration_description[section]["options"] if section != "celery" else {option}
            assert option in known, f"{name}: Airflow has no setting {variable}"
PYTHON
}

# Runs the example Dag on a directory in the image. The last line of its output is the summary, as JSON.
run_example() {
    in_image bash -c 'cd /opt/airflow/dags && exec python - "$1"' bash "$1" <<'PYTHON'
import json, sys

from process_directory import the_dag

run = the_dag.test(run_conf={"path": sys.argv[1]})
print(json.dumps(run.get_task_instance("summarize").xcom_pull(task_ids="summarize")))
PYTHON
}

test_example() {
    local sources=$WORK/sources
    mkdir "$sources"
    # The grades count lines per definition: two files of grade A, one of B, one of C, and one that is not a Python file.
    printf 'def short():\n    pass\n' | tee "$sources/short.py" > "$sources/notes.txt"
    printf 'class Shorter: ...\n' > "$sources/shorter.py"
    { echo 'def medium():' && printf '    pass\n%.0s' {1..19}; } > "$sources/medium.py"
    { echo 'class Long:' && printf '    pass\n%.0s' {1..39}; } > "$sources/long.py"
    buildah copy --quiet --chown 50000:0 "$container" "$sources" /tmp/sources > /dev/null
    quietly in_image airflow db migrate
    quietly run_example /tmp/sources
    expect "summary of the example" '{"A": 2, "B": 1, "C": 1}' "$(tail --lines 1 "$WORK/output")"
}

# ------------------------------------------------------------------------------------------------------------- main

clean_up() {
    local status=$?
    trap - EXIT
    if [[ -n ${driver:-} ]]; then
        buildah rm --all > /dev/null 2>&1 || true
        buildah rmi --force "$IMAGE" > /dev/null 2>&1 || true
        buildah rmi --prune --force > /dev/null 2>&1 || true
    fi
    rm --recursive --force --one-file-system "$WORK"
    if [[ $status == 0 ]]; then
        echo "image-test: passed in $SECONDS s: $wheel on Airflow $AIRFLOW_VERSION"
    else
        echo "image-test: FAILED after $SECONDS s" >&2
    fi
    exit "$status"
}

main() {
    [[ $# -le 1 ]] || fail "takes one wheel at most"
    umask 022
    WORK=$(mktemp --directory --tmpdir image-test.XXXXXXXX)
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    install_tools
    mkdir --parents "$CACHE"
    exec {lock}> "$CACHE/lock"
    flock "$lock"

    local paths path
    paths=$(write_pip_configuration "$WORK/pip.conf")
    pip_volumes=(--volume "$WORK/pip.conf:/etc/pip.conf:ro")
    for path in $paths; do
        pip_volumes+=(--volume "$path:$path:ro")
    done

    choose_storage_driver
    build_stand_in
    build_image "${1:-}"
    container=$(buildah from --pull-never "$IMAGE")
    step "Testing the image: layout and packages"
    test_layout
    test_packages
    step "Testing the image: airflow providers list"
    test_provider
    step "Testing the image: the commands and settings of compose.yaml"
    test_compose
    step "Testing the image: the example Dag process_directory"
    test_example
}

main "$@"
