# shellcheck shell=bash
# The one piece of code that makes the Python environment. To be sourced; then
#
#     prepare_environment requirements.txt [requirements-test.txt]
#
# makes .venv beside this folder when there is none, installs the pinned files and this package into it unless
# they are what was installed last, and sets $python to its interpreter and $repository to this repository.
# GAXJAX_PYTHON names the interpreter to start from, GAXJAX_VENV another folder than .venv.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
environment=${GAXJAX_VENV:-.venv}
[[ $environment == /* ]] || environment=$repository/$environment
python=$environment/bin/python

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Prints the first Python of 3.11 or newer, the system's own choice before any other.
find_python() {
    local candidate
    for candidate in ${GAXJAX_PYTHON:+"$GAXJAX_PYTHON"} python3 python3.12 python3.11 python3.13 python3.14; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        elif [[ $candidate == "${GAXJAX_PYTHON:-}" ]]; then
            fail "GAXJAX_PYTHON=$candidate is not a Python of 3.11 or newer; name another, or unset it"
        fi
    done
    fail "no Python of 3.11 or newer, only $(python3 --version 2>&1 || true); install one," \
        "or name it: GAXJAX_PYTHON=/path/to/python"
}

make_environment() {
    local base
    base=$(find_python)
    echo "Making $environment with $("$base" --version)" >&2
    if ! "$base" -m venv "$environment" >&2; then
        rm -rf -- "$environment"
        fail "$base cannot make an environment; on Debian and Ubuntu install its package python3-venv"
    fi
}

install() {
    "$python" -m pip install --quiet --disable-pip-version-check "$@" >&2
}

# install_once FILE ARGUMENTS...: gives the arguments to pip, unless FILE is as it was when that was done last.
# The repository's path counts too, because an editable installation remembers it.
install_once() {
    local stamp=$environment/installed-$1.sha256 wanted
    wanted=$({ printf '%s\n' "$repository"; cat "$repository/$1"; } |
        "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
    if [[ ! -e $stamp || $(<"$stamp") != "$wanted" ]]; then
        echo "Installing from $1; the first time this takes minutes" >&2
        rm -f -- "$stamp" # an interrupted installation is not a finished one
        install "${@:2}"
        printf '%s\n' "$wanted" >"$stamp"
    fi
}

prepare_environment() {
    local requirements
    if [[ ! -e $python ]]; then
        [[ ! -e $environment ]] || fail "$environment exists but has no bin/python; remove it and run this again"
        make_environment
    elif ! is_new_enough "$python"; then
        fail "$python is not a working Python of 3.11 or newer; remove $environment and run this again"
    fi
    for requirements in "$@"; do
        install_once "$requirements" --requirement "$repository/$requirements"
    done
    install_once pyproject.toml --no-deps --no-build-isolation --editable "$repository"
}
