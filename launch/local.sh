#!/usr/bin/env bash
# Runs one command as N processes of one job on this machine:
#
#     bash launch/local.sh 2 gaxjax train configs/quickstart.py --workdir runs/two
#
# gaxjax finds the others by GAXJAX_COORDINATOR, GAXJAX_PROCESSES and GAXJAX_PROCESS, which are set here; with --dry-run
# before the command, the N commands are printed and none is run.
# Every line of output begins with the number of its process. INT and TERM are passed on to all of them, which may
# then take their time to save. When one fails, the others are ended (and killed after GAXJAX_GRACE seconds, 10 by
# default: a process that waits for a peer that is gone cannot answer). The first status that is not 0 is the whole's.
# Should this script itself be killed, the processes get TERM, and are killed if that does not end them in five minutes.
set -euo pipefail
set -m # every process gets its own group, so that a signal reaches what it started, and INT is not ignored

if (($# < 2)) || [[ ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: launch/local.sh N [--dry-run] [--] COMMAND...   with N processes, 1 or more; got: ${*:-nothing}" >&2
    exit 2
fi
count=$1
shift
dry_run=
if [[ $1 == --dry-run ]]; then
    dry_run=1
    shift
fi
[[ ${1:-} != -- ]] || shift
if (($# == 0)); then
    echo "usage: launch/local.sh N [--dry-run] [--] COMMAND...   there is no command" >&2
    exit 2
fi
if [[ $dry_run ]]; then
    # shellcheck source=launch/words.sh
    source "$(dirname "${BASH_SOURCE[0]}")/words.sh"
    for ((i = 0; i < count; i++)); do
        echo "GAXJAX_COORDINATOR=127.0.0.1:PORT GAXJAX_PROCESSES=$count GAXJAX_PROCESS=$i $(quote "$@")"
    done
    exit
fi

# The environment of this repository, where there is one, so that it need not be activated.
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
[[ ! -d $environment/bin ]] || PATH=$environment/bin:$PATH

# Another program could take the port before the job does; then the job fails at once, and can be run again.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export GAXJAX_COORDINATOR=127.0.0.1:$port GAXJAX_PROCESSES=$count

pipes=$(mktemp -d)
children=()
printers=()
signaled= # not empty once a signal was passed on

signal_all() {
    local child
    for child in ${children[@]+"${children[@]}"}; do
        kill -s "$1" -- "-$child" 2>/dev/null || true
    done
}

# Reads the processes' numbers until nobody can write any more: this script has ended, and not by itself, for then it
# ends the guard first.
guard() {
    local child left
    children=()
    while read -r child; do
        children+=("$child")
    done
    echo "launch/local.sh was killed; its processes are asked to stop" >&2
    signal_all TERM
    for ((left = 3000; left; left--)); do
        any_alive || break
        sleep 0.1
    done
    signal_all KILL
    rm -rf -- "$pipes"
}

any_alive() {
    local child
    for child in ${children[@]+"${children[@]}"}; do
        kill -0 -- "-$child" 2>/dev/null && return
    done
    return 1
}

with_number() {
    local line
    while IFS= read -r line || [[ -n $line ]]; do
        printf '[%d] %s\n' "$1" "$line"
    done
}

mkfifo "$pipes/guard"
guard <"$pipes/guard" &
guard=$!
disown # without bash's own word on its end
exec 9>"$pipes/guard" # closed for everything that is started here: only this script holds it open

trap 'signal_all KILL; kill -KILL "$guard" 2>/dev/null || true; rm -rf -- "$pipes"' EXIT
trap 'signaled=1; signal_all INT' INT
trap 'signaled=1; signal_all TERM' TERM HUP

for ((i = 0; i < count; i++)); do
    mkfifo "$pipes/$i"
    with_number "$i" <"$pipes/$i" 9>&- &
    printers+=($!)
    GAXJAX_PROCESS=$i "$@" </dev/null >"$pipes/$i" 2>&1 9>&- &
    children+=($!)
    echo $! >&9
done

status=0
deadline=
waiting=("${children[@]}")
while ((${#waiting[@]})); do
    # In the background, because a trap runs only between commands, and while bash waits.
    sleep 0.1 9>&- &
    wait $! || true
    still=()
    for child in "${waiting[@]}"; do
        # No $(...) in this loop: a trap that runs inside of one can be a syntax error to bash 5.2.
        if kill -0 "$child" 2>/dev/null; then
            still+=("$child")
            continue
        fi
        ended=0
        { wait "$child"; } 2>/dev/null || ended=$? # without bash's own word on a job that a signal ended
        if ((ended != 0 && status == 0)); then
            status=$ended
            [[ -z $signaled ]] || continue
            deadline=$((SECONDS + ${GAXJAX_GRACE:-10}))
            signal_all TERM
        fi
    done
    waiting=(${still[@]+"${still[@]}"})
    [[ -z $deadline ]] || ((SECONDS < deadline)) || signal_all KILL
done
# What a process left behind would keep its output open, and this script waiting.
signal_all KILL
wait "${printers[@]}" || true
exit "$status"
