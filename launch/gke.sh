#!/usr/bin/env bash
# Runs gaxjax on TPU slices in a GKE cluster that has JobSet 0.10 or newer, from your own machine, with kubectl:
#
#     launch/gke.sh build  --image IMAGE [--base IMAGE] [--extra cuda]     makes and pushes the last commit's image
#     launch/gke.sh run    --name N --image IMAGE --type v6e:4x4 [--slices 2] [--spot] [--claim C] [--restarts 5]
#                          -- gaxjax train CONFIG --workdir /shared/DIR
#     launch/gke.sh status --name N     the run's state, its pods, and the end of their logs
#     launch/gke.sh delete --name N     ends the run, which saves first; its node pools stay, and their bill
#
# Everywhere: [--dry-run], which prints the commands, and of run the manifest too, and runs none of them. What run
# applies is launch/gke_jobset.yaml. --slices 2 or more is multislice. --type is v4, v5e, v5p, v6e or tpu7x with the
# topology of the node pools. --claim names a PersistentVolumeClaim that many nodes can write (ReadWriteMany), mounted as
# /shared; without it the work directory is a bucket's gs:// path.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repository=$(dirname "$here")

# shellcheck source=launch/words.sh
source "$here/words.sh"

usage() {
    [[ $# == 0 ]] || printf 'error: %s\n\n' "$*"
    sed -n '/^# Runs/,/^# \/shared/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

reject() {
    usage "$@" >&2
    exit 2
}

# Sets accelerator, topology, and chips and hosts of a slice, from a type such as v6e:4x4.
read_type() {
    local side all=1
    topology=${type#*:}
    case $type in
        v4:*) accelerator=tpu-v4-podslice ;;
        v5e:*) accelerator=tpu-v5-lite-podslice ;;
        v5p:*) accelerator=tpu-v5p-slice ;;
        v6e:*) accelerator=tpu-v6e-slice ;;
        tpu7x:*) accelerator=tpu7x ;;
        *) reject "run: --type ${type:-is missing: it} is v4, v5e, v5p, v6e or tpu7x with a topology, such as v6e:4x4" ;;
    esac
    [[ $topology =~ ^[1-9][0-9]*(x[1-9][0-9]*){1,2}$ ]] ||
        reject "run: --type $type has no topology such as 4x4 or 2x2x4 after the colon"
    for side in ${topology//x/ }; do
        ((all *= side))
    done
    # The machine types of slices with several hosts have four chips; smaller slices are one host.
    chips=$((all < 4 ? all : 4)) hosts=$((all < 4 ? 1 : all / 4))
    ((slices == 1 || hosts > 1)) || reject "run: $type is a slice of one host, and multislice needs slices of several"
}

check_run() {
    local workdir
    [[ $name =~ ^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
        reject "run: --name ${name:-is missing: it} is at most 40 small letters, digits and hyphens, a letter first"
    [[ $image ]] || reject "run: which image? make one with launch/gke.sh build and give --image"
    [[ $slices =~ ^[1-9][0-9]*$ ]] || reject "run: --slices $slices is no number, 1 or more"
    [[ $restarts =~ ^[0-9]+$ ]] || reject "run: --restarts $restarts is no number, 0 or more"
    [[ ${1:-} == gaxjax && -n ${2:-} ]] || reject "run: what? end with: -- gaxjax train CONFIG --workdir /shared/DIR"
    workdir=$(find_workdir "$@")
    case $2:$workdir in
        train:gs://*) ;;
        train:/shared/*) [[ $claim ]] || reject "run: /shared is what --claim mounts: name a PersistentVolumeClaim" ;;
        train:*) reject "run: --workdir ${workdir:-is missing: it} is /shared/DIR with --claim, or a bucket's gs:// path" ;;
    esac
}

# Its arguments as a list in JSON, which YAML reads too.
quote_json() {
    local word list=
    for word in "$@"; do
        word=${word//\\/\\\\}
        word=${word//$'\n'/\\n}
        list+=", \"${word//\"/\\\"}\""
    done
    printf '[%s]' "${list#, }"
}

# The manifest with the flags in it.
# shellcheck disable=SC2016 # the manifest's words with a $, which no shell expands
fill_manifest() { # COMMAND
    local line
    while IFS= read -r line; do
        [[ $line != *"# with --claim" || $claim ]] || continue
        [[ $line != *"# with --spot" || $spot ]] || continue
        line=${line%%"# with --"*}
        line=${line//'$NAME'/"$name"} line=${line//'$SLICES'/"$slices"} line=${line//'$HOSTS'/"$hosts"}
        line=${line//'$CHIPS'/"$chips"} line=${line//'$ACCELERATOR'/"$accelerator"}
        line=${line//'$TOPOLOGY'/"$topology"} line=${line//'$RESTARTS'/"$restarts"}
        line=${line//'$CLAIM'/"$claim"} line=${line//'$IMAGE'/"$image"}
        # Last, because its words may hold anything.
        line=${line//'$COMMAND'/"$(quote_json "$@")"}
        printf '%s\n' "${line%"${line##*[! ]}"}"
    done < <(sed '/^# /d' "$here/gke_jobset.yaml")
}

name='' image='' base='' extra='' type='' claim='' slices=1 restarts=5 spot='' dry_run=''
verb=${1:-}
expected="expected build, run, status or delete"
case $verb in
    build | run | status | delete) shift ;;
    -h | --help | help) usage && exit ;;
    '') reject "no verb; $expected" ;;
    *) reject "unknown verb $verb; $expected" ;;
esac
while (($#)); do
    case $1 in
        --name | --image | --base | --extra | --type | --claim | --slices | --restarts)
            [[ -n ${2:-} ]] || reject "$1 needs a value"
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --dry-run) dry_run=1 ;;
        --spot) spot=1 ;;
        --) shift && break ;;
        *) reject "$verb: unknown argument $1$([[ $verb != run ]] || echo '; the command to run follows --')" ;;
    esac
    shift
done
[[ $verb == run || $# == 0 ]] || reject "$verb takes no command; got: $*"
[[ $verb == build || $name ]] || reject "$verb: which run? give --name"
tool=$([[ $verb == build ]] && echo docker || echo kubectl)
[[ $dry_run ]] || command -v "$tool" >/dev/null || {
    echo "error: $tool is not installed; --dry-run shows what would be run" >&2
    exit 1
}

# By JobSet's own label, on every pod of the run.
pods=--selector=jobset.sigs.k8s.io/jobset-name=$name
case $verb in
    build)
        [[ $image ]] || reject "build: which image? give --image, with the place that the cluster pulls from"
        perform git -C "$repository" archive --format=tar.gz "--output=$repository/gaxjax.tar.gz" HEAD
        archive=$repository/gaxjax.tar.gz
        command=(docker build --platform=linux/amd64 --file=launch/Dockerfile "--tag=$image"
            ${base:+"--build-arg=BASE=$base"} ${extra:+"--build-arg=EXTRA=$extra"} -)
        if [[ $dry_run ]]; then
            printf '%s <%s\n' "$(quote "${command[@]}")" "$(quote "$archive")"
        else
            "${command[@]}" <"$archive"
        fi
        perform rm -- "$archive"
        perform docker push "$image"
        ;;
    run)
        check_run "$@"
        read_type
        if [[ $dry_run ]]; then
            echo "kubectl apply --filename=- <<'MANIFEST'"
            fill_manifest "$@"
            echo MANIFEST
        else
            fill_manifest "$@" | kubectl apply --filename=-
        fi
        ;;
    status)
        perform kubectl get jobset "$name"
        perform kubectl get pods "$pods" --output=wide
        perform kubectl logs "$pods" --prefix --tail=20 --max-log-requests=1000
        ;;
    delete) perform kubectl delete jobset "$name" ;;
esac
