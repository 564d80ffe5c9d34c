#!/usr/bin/env bash
# Runs gaxjax on a Cloud TPU slice, from your own machine, with gcloud:
#
#     launch/tpu_pod.sh create  --name N --zone Z --type v4-32 [--version V] [--spot]   makes the slice
#     launch/tpu_pod.sh install --name N --zone Z     copies the last commit to every worker, installs it
#     launch/tpu_pod.sh run     --name N --zone Z -- gaxjax train CONFIG.py --workdir /SHARED/DIR
#     launch/tpu_pod.sh status  --name N --zone Z     the slice's state, and the end of every worker's log
#     launch/tpu_pod.sh stop    --name N --zone Z     ends the run, which saves first; the slice stays
#     launch/tpu_pod.sh delete  --name N --zone Z     deletes the slice, and with it the bill
#
# Everywhere: [--project P], and [--dry-run], which prints the commands and runs none of them. TPU_NAME, TPU_ZONE,
# TPU_PROJECT, TPU_TYPE and TPU_VERSION stand for the flags. The runtime version follows from the type if not given.
#
# The run goes on when you disconnect. Run it again and it resumes from its work directory, also on a new slice after
# a spot slice was taken away (delete, create, install, run). All workers must share that directory: an absolute
# path on NFS, or on a bucket that is mounted on each of them (gcsfuse); --one-worker says that the slice has one
# worker, so that any path will do.
#
# gcloud wants your key in the agent to reach several workers: ssh-add ~/.ssh/google_compute_engine
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
worker="bash gaxjax/source/launch/tpu_worker.sh"

usage() {
    [[ $# == 0 ]] || printf 'error: %s\n\n' "$*"
    sed -n '/^# Runs/,/^# gcloud/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

reject() {
    usage "$@" >&2
    exit 2
}

# Its arguments as one line that a shell reads back as the same words.
quote() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word="'${word//"'"/"'\\''"}'"
        line+=" $word"
    done
    printf '%s' "${line# }"
}

perform() {
    if [[ $dry_run ]]; then
        quote "$@"
        echo
    else
        "$@"
    fi
}

tpu() { # VERB ARGUMENTS...
    perform gcloud compute tpus tpu-vm "$@" "--zone=$zone" ${project:+"--project=$project"}
}

on_all_workers() { # COMMAND, one string for the workers' shell
    tpu ssh "$name" --worker=all "--command=$1"
}

# The software version that the TPU's documentation names for a type.
version_for() {
    case $1 in
        v6e-*) echo v2-alpha-tpuv6e ;;
        v5p-*) echo v2-alpha-tpuv5 ;;
        v5litepod-*) echo v2-alpha-tpuv5-lite ;;
        v2-* | v3-* | v4-*) echo tpu-ubuntu2204-base ;;
        *) return 1 ;;
    esac
}

# Every worker reads and writes the work directory, so it cannot be one that only one of them sees.
check_workdir() {
    local word workdir='' next=
    for word in "$@"; do
        [[ ! $next ]] || workdir=$word
        next=
        case $word in
            --workdir) next=1 ;;
            --workdir=*) workdir=${word#*=} ;;
        esac
    done
    case $workdir in
        '') reject "run: gaxjax train needs --workdir, shared by all workers: a path on NFS or a mounted bucket" ;;
        /*) ;;
        *) reject "run: --workdir $workdir is no absolute path; give one on NFS or a mounted bucket" ;;
    esac
}

name=${TPU_NAME:-} zone=${TPU_ZONE:-} project=${TPU_PROJECT:-} type=${TPU_TYPE:-} version=${TPU_VERSION:-}
dry_run='' spot='' one_worker=''
verb=${1:-}
case $verb in
    create | install | run | status | stop | delete) shift ;;
    -h | --help | help) usage && exit ;;
    '') reject "no verb; expected create, install, run, status, stop or delete" ;;
    *) reject "unknown verb $verb; expected create, install, run, status, stop or delete" ;;
esac
while (($#)); do
    case $1 in
        --name | --zone | --project | --type | --version)
            [[ -n ${2:-} ]] || reject "$1 needs a value"
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --dry-run) dry_run=1 ;;
        --spot) spot=1 ;;
        --one-worker) one_worker=1 ;;
        --) shift && break ;;
        *) reject "$verb: unknown argument $1$([[ $verb != run ]] || echo '; the command to run follows --')" ;;
    esac
    shift
done
[[ $name ]] || reject "$verb: which slice? give --name or set TPU_NAME"
[[ $zone ]] || reject "$verb: which zone is $name in? give --zone or set TPU_ZONE"
[[ $verb == run || $# == 0 ]] || reject "$verb takes no command; got: $*"
[[ $verb == create || ! $spot ]] || reject "$verb: --spot belongs to create"
[[ $verb == run || ! $one_worker ]] || reject "$verb: --one-worker belongs to run"
[[ $dry_run ]] || command -v gcloud >/dev/null || {
    echo "error: gcloud is not installed; --dry-run shows what would be run" >&2
    exit 1
}

case $verb in
    create)
        [[ $type ]] || reject "create: which accelerator? give --type or set TPU_TYPE, such as v4-32 or v5litepod-16"
        [[ $version ]] || version=$(version_for "$type") ||
            reject "create: no runtime version is known for $type; give --version or set TPU_VERSION"
        tpu create "$name" "--accelerator-type=$type" "--version=$version" ${spot:+--spot}
        ;;
    install)
        [[ -z $(git -C "$repository" status --porcelain) ]] ||
            echo "note: only the last commit is copied; there are changes beside it" >&2
        archive=$repository/gaxjax.tar.gz
        perform git -C "$repository" archive --format=tar.gz "--output=$archive" HEAD
        tpu scp "$archive" "$name:gaxjax.tar.gz" --worker=all
        perform rm -- "$archive"
        on_all_workers "rm -rf gaxjax/incoming && mkdir -p gaxjax/incoming && tar -xzf gaxjax.tar.gz -C gaxjax/incoming \
&& bash gaxjax/incoming/launch/tpu_worker.sh install"
        ;;
    run)
        [[ ${1:-} == gaxjax && -n ${2:-} ]] || reject "run: what? end with: -- gaxjax train CONFIG.py --workdir DIR"
        [[ $2 != train ]] || [[ $one_worker ]] || check_workdir "$@"
        on_all_workers "$worker run ${one_worker:+--one-worker }$(quote "$@")"
        ;;
    status)
        tpu describe "$name" "--format=table(state,health,acceleratorType,runtimeVersion)"
        on_all_workers "$worker status"
        ;;
    stop) on_all_workers "$worker stop" ;;
    delete) tpu delete "$name" ;; # gcloud asks before it deletes
esac
