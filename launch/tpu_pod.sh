#!/usr/bin/env bash
# Runs gaxjax on Cloud TPU slices, from your own machine, with gcloud:
#
#     launch/tpu_pod.sh supervise --name N --zone Z --type v6e-16 [--spot] -- gaxjax train CONFIG --workdir /SHARED/DIR
#
# is everything in one command: it asks for the slice, waits, installs, runs, makes the slice again when it was taken
# away, resumes, and deletes the slice at the end (not with --keep). The same, step by step:
#
#     launch/tpu_pod.sh create  --name N --zone Z --type v6e-16 [--version V] [--node-count 2] [--spot]   asks for it
#     launch/tpu_pod.sh install --name N --zone Z     copies the last commit to every worker, installs it
#     launch/tpu_pod.sh run     --name N --zone Z -- gaxjax train CONFIG --workdir /SHARED/DIR
#     launch/tpu_pod.sh status  --name N --zone Z     the request's state, and the end of every worker's log
#     launch/tpu_pod.sh stop    --name N --zone Z     ends the run, which saves first; the slice stays
#     launch/tpu_pod.sh delete  --name N --zone Z     deletes the slice, and with it the bill
#
# Everywhere: [--project P], and [--dry-run], which prints the commands and runs none of them. TPU_NAME, TPU_ZONE,
# TPU_PROJECT, TPU_TYPE and TPU_VERSION stand for the flags. The runtime version follows from the type if not given.
# --node-count 2 or more is multislice: so many slices of the type, trained as one.
#
# The run goes on when you disconnect; supervise does too, when it is started again. All workers must share the work
# directory: an absolute path on NFS or on a mounted bucket, or a bucket's gs:// path; --one-worker says that there is
# one worker only, so that any path will do.
#
# gcloud wants your key in the agent to reach several workers: ssh-add ~/.ssh/google_compute_engine
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repository=$(dirname "$here")
worker="bash gaxjax/source/launch/tpu_worker.sh"

# shellcheck source=launch/words.sh
source "$here/words.sh"

usage() {
    [[ $# == 0 ]] || printf 'error: %s\n\n' "$*"
    sed -n '/^# Runs/,/^# gcloud/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

reject() {
    usage "$@" >&2
    exit 2
}

tpu() { # VERB ARGUMENTS...
    perform gcloud compute tpus queued-resources "$@" "--zone=$zone" ${project:+"--project=$project"}
}

on_all_workers() { # COMMAND, one string for the workers' shell
    tpu ssh "$name" --node=all --worker=all "--command=$1"
}

# The software version that the TPU's documentation names for a type, "TPU software versions".
version_for() {
    case $1 in
        v6e-*) echo v2-alpha-tpuv6e ;;
        v5p-*) echo v2-alpha-tpuv5 ;;
        v5litepod-*) echo v2-alpha-tpuv5-lite ;;
        v2-* | v3-* | v4-*) echo tpu-ubuntu2204-base ;;
        v5e-*) reject "$verb: this API calls v5e v5litepod; give --type v5litepod-${1#v5e-}" ;;
        tpu7x* | v7*)
            reject "$verb: TPU7x and later are not in this API: use GKE (launch/gke.sh --type tpu7x:2x2x2), or a" \
                "managed instance group (Compute Engine's pages, 'Create a MIG with multi-host TPU slice')"
            ;;
        *) reject "$verb: no runtime version is known for $1; give --version or set TPU_VERSION" ;;
    esac
}

# Before anything is asked for: type, runtime version and number of slices.
check_request() {
    [[ $type ]] || reject "$verb: which accelerator? give --type or set TPU_TYPE, such as v6e-16 or v5litepod-16"
    [[ $node_count =~ ^[1-9][0-9]*$ ]] || reject "$verb: --node-count $node_count is no number of slices, 1 or more"
    [[ $node_count == 1 || $type != v[23]-* ]] || reject "$verb: several slices at once need v4 or newer, not $type"
    [[ $version ]] || version=$(version_for "$type") || exit
}

create() {
    local nodes=--node-count=$node_count # which names them $name-0, $name-1, ...
    [[ $node_count != 1 ]] || nodes=--node-id=$name
    tpu create "$name" "$nodes" "--accelerator-type=$type" "--runtime-version=$version" ${spot:+--spot}
}

install() {
    local archive=$repository/gaxjax.tar.gz
    [[ -z $(git -C "$repository" status --porcelain) ]] ||
        echo "note: only the last commit is copied; there are changes beside it" >&2
    perform git -C "$repository" archive --format=tar.gz "--output=$archive" HEAD
    tpu scp "$archive" "$name:gaxjax.tar.gz" --node=all --worker=all
    perform rm -- "$archive"
    on_all_workers "rm -rf gaxjax/incoming && mkdir -p gaxjax/incoming && tar -xzf gaxjax.tar.gz -C gaxjax/incoming \
&& bash gaxjax/incoming/launch/tpu_worker.sh install"
}

# Every worker reads and writes the work directory, so it cannot be one that only one of them sees.
check_command() {
    local workdir
    [[ ${1:-} == gaxjax && -n ${2:-} ]] || reject "$verb: what? end with: -- gaxjax train CONFIG --workdir DIR"
    [[ $2 == train && ! $one_worker ]] || return 0
    workdir=$(find_workdir "$@")
    case $workdir in
        '') reject "$verb: gaxjax train needs --workdir, shared by all workers: a path on NFS or a mounted bucket" ;;
        /* | gs://*) ;;
        *) reject "$verb: --workdir $workdir is no absolute path; give one on NFS or a mounted bucket" ;;
    esac
}

run() {
    on_all_workers "$worker run ${one_worker:+--one-worker }$(quote "$@")"
}

name=${TPU_NAME:-} zone=${TPU_ZONE:-} project=${TPU_PROJECT:-} type=${TPU_TYPE:-} version=${TPU_VERSION:-}
dry_run='' spot='' one_worker='' keep='' node_count=1
verb=${1:-}
expected="expected supervise, create, install, run, status, stop or delete"
case $verb in
    supervise | create | install | run | status | stop | delete) shift ;;
    -h | --help | help) usage && exit ;;
    '') reject "no verb; $expected" ;;
    *) reject "unknown verb $verb; $expected" ;;
esac
while (($#)); do
    case $1 in
        --name | --zone | --project | --type | --version | --node-count)
            [[ -n ${2:-} ]] || reject "$1 needs a value"
            flag=${1#--}
            printf -v "${flag//-/_}" '%s' "$2"
            shift
            ;;
        --dry-run) dry_run=1 ;;
        --spot) spot=1 ;;
        --one-worker) one_worker=1 ;;
        --keep) keep=1 ;;
        --) shift && break ;;
        *) reject "$verb: unknown argument $1$([[ $verb != run ]] || echo '; the command to run follows --')" ;;
    esac
    shift
done
[[ $name ]] || reject "$verb: which slice? give --name or set TPU_NAME"
[[ $zone ]] || reject "$verb: which zone is $name in? give --zone or set TPU_ZONE"
[[ $verb == run || $verb == supervise || $# == 0 ]] || reject "$verb takes no command; got: $*"
[[ $verb == create || $verb == supervise || ! $spot$([[ $node_count == 1 ]] || echo 1) ]] ||
    reject "$verb: --spot and --node-count belong to create and supervise"
[[ $verb == run || $verb == supervise || ! $one_worker ]] || reject "$verb: --one-worker belongs to run and supervise"
[[ $verb == supervise || ! $keep ]] || reject "$verb: --keep belongs to supervise"
[[ $dry_run ]] || command -v gcloud >/dev/null || {
    echo "error: gcloud is not installed; --dry-run shows what would be run" >&2
    exit 1
}

case $verb in
    create)
        check_request
        create
        ;;
    install) install ;;
    run)
        check_command "$@"
        run "$@"
        ;;
    supervise)
        check_request
        check_command "$@"
        # shellcheck source=launch/tpu_supervise.sh
        source "$here/tpu_supervise.sh"
        supervise "$@"
        ;;
    status)
        tpu describe "$name" "--format=value(state.state)"
        on_all_workers "$worker status"
        ;;
    stop) on_all_workers "$worker stop" ;;
    delete) tpu delete "$name" --force ;; # with its nodes; gcloud asks before it deletes
esac
