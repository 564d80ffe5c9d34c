#!/usr/bin/env bash
# What launch/tpu_pod.sh runs on every worker of a TPU slice: install, run, status, outcome, stop.
#
# ~/gaxjax holds the code (source), the environment (venv), the log (run.log), and the command and status of the last
# run (run.command, run.status). A run is going for as long as one of its processes holds run.lock.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export GAXJAX_VENV=$here/venv

die() {
    printf '%s: error: %s\n' "$(hostname)" "$*" >&2
    exit 1
}

is_running() {
    ! flock --nonblock "$here/run.lock" true
}

# Whether the host is about to be taken down for maintenance, as Compute Engine's metadata server says it, up to an
# hour before. A spot slice that is taken away gets no notice here: its system shuts down, with SIGTERM to everything.
is_maintenance_due() {
    [[ $(curl --silent --max-time 5 --header 'Metadata-Flavor: Google' \
        http://metadata.google.internal/computeMetadata/v1/instance/maintenance-event) == TERMINATE* ]]
}

install_here() {
    is_running && die "a run is going; stop it before installing"
    rm -rf -- "$here/source"
    mv -- "$here/incoming" "$here/source"
    # shellcheck source=launch/environment.sh
    source "$here/source/launch/environment.sh"
    # The runtimes on Ubuntu 22.04 have Python 3.10; JAX needs 3.11, which Ubuntu has beside it.
    (find_python) >/dev/null 2>&1 || {
        sudo apt-get update -qq
        sudo apt-get install -y -qq python3.11 python3.11-venv
    }
    prepare_environment requirements.txt
    # libtpu, in the version that the pinned JAX asks for.
    install --constraint "$repository/requirements.txt" --no-build-isolation --editable "${repository}[tpu,gs]"
    echo "$(hostname): installed $("$python" -c 'import jax; print("jax", jax.__version__)')"
}

# The other workers would neither see the checkpoints nor agree where to resume.
check_shared() {
    local directory=$1 kind
    while [[ ! -e $directory ]]; do
        directory=$(dirname "$directory")
    done
    kind=$(df --output=fstype "$directory" | tail -n 1)
    case $kind in
        nfs* | fuse.* | lustre | ceph | glusterfs | gpfs | cifs | 9p | virtiofs) ;;
        *) die "$1 is on a disk of this worker alone ($kind); give a path on NFS or a mounted bucket," \
            "or --one-worker where the slice has only this one" ;;
    esac
}

run() {
    local shared=1 word previous=
    if [[ ${1:-} == --one-worker ]]; then
        shared=
        shift
    fi
    [[ -x $here/venv/bin/${1:-} ]] || die "${1:-no command} is not installed here; run launch/tpu_pod.sh install"
    is_running && die "a run is going already; see status, or stop it first"
    for word in "$@"; do
        [[ $previous != --workdir ]] || word=--workdir=$word
        previous=$word
        if [[ $shared && $word == --workdir=/* ]]; then
            check_shared "${word#*=}"
        fi
    done
    # A session of its own: it outlives this connection, and stop reaches every process in it.
    setsid bash "$here/source/launch/tpu_worker.sh" keep "$@" </dev/null >>"$here/run.log" 2>&1 &
    echo $! >"$here/run.pid"
    echo "$(hostname): started; its log is $here/run.log"
}

# Asks the session's command to stop, once: a second signal would end it before it has saved.
heed_maintenance() {
    until is_maintenance_due; do
        sleep "${GAXJAX_POLL:-10}"
    done
    printf '== %s: maintenance is due, the run is asked to save and stop\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')"
    kill -TERM -- "-$$"
}

# The session of a run: holds the lock, lives through the signals that stop the command, keeps its status.
keep() {
    local status=0 notice
    exec 9>"$here/run.lock"
    flock --timeout 10 9 || die "a run is going already"
    trap : TERM INT HUP
    rm -f -- "$here/run.status"
    printf '%q ' "$@" >"$here/run.command"
    heed_maintenance 9>&- &
    notice=$!
    printf '== %s: %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$*"
    cd "$here/source"
    PATH=$here/venv/bin:$PATH GAXJAX_COORDINATOR=auto "$@" || status=$?
    kill "$notice" 2>/dev/null || true
    echo "$status" >"$here/run.status"
    printf '== %s: ended with status %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$status"
}

report() {
    if is_running; then
        echo "$(hostname): running"
    elif [[ -e $here/run.status ]]; then
        echo "$(hostname): ended with status $(<"$here/run.status")"
    else
        echo "$(hostname): $([[ -e $here/run.log ]] && echo "ended without a status" || echo "nothing was run yet")"
    fi
    [[ ! -e $here/run.log ]] || tail -n 20 "$here/run.log"
}

# For launch/tpu_pod.sh supervise: how the run of this command stands here, in one word.
outcome() {
    local word=none same=
    [[ ! -e $here/run.command || $(<"$here/run.command") != "$(printf '%q ' "$@")" ]] || same=1
    if is_running; then
        word=$([[ $same ]] && echo running || echo other)
    elif is_maintenance_due; then
        word=maintenance
    elif [[ $same && -e $here/run.status ]]; then
        word=$(<"$here/run.status")
    fi
    echo "gaxjax-outcome $word"
}

stop() {
    if ! is_running; then
        echo "$(hostname): nothing is running"
        return
    fi
    kill -TERM -- "-$(<"$here/run.pid")"
    flock --timeout 300 "$here/run.lock" true || die "still running after 300 s; see status"
    report
}

case ${1:-} in
    install) install_here ;;
    run | keep | stop | outcome) "$@" ;;
    status) report ;;
    *) die "unknown verb ${1:-}; expected install, run, status, outcome or stop" ;;
esac
