#!/usr/bin/env bash
# Runs every check, in the environment that launch/environment.sh makes: style, types, pages, tests.
#
#     bash tests/run.sh [any argument of pytest]
#
# All of them run, whatever fails; the status is 0 only when none did.
set -euo pipefail

# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"

# Each of the many processes that tests start would compile all of the package again.
unset PYTHONDONTWRITEBYTECODE

prepare_environment requirements.txt requirements-test.txt
cd "$repository"
status=0

check() {
    echo "== $*" >&2
    "$python" -m "$@" >&2 || status=1
}

check ruff check --output-format concise .
check ruff format --check .
echo "== shellcheck" >&2
"$environment/bin/shellcheck" --external-sources launch/*.sh launch/slurm.sbatch tests/run.sh .ci/run >&2 || status=1
check mypy
# Without the notice of a successor that mkdocs-material prints at every build.
NO_MKDOCS_2_WARNING=1 check mkdocs build --strict --quiet
((status == 0)) || echo "== the checks above failed; the tests may still pass" >&2

# Tests last: pytest's own last line is the last line of the output. A process more than there are cores, for tests
# wait for disks and for other processes too, and each file to one of them, for its tests share what they compiled, in
# the order of conftest.py; more than four would only take memory.
workers=$("$python" -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
"$python" -m pytest --numprocesses "$workers" --dist loadfile --no-loadscope-reorder "$@" || status=$?
exit "$status"
