# shellcheck shell=bash
# shellcheck disable=SC2154 # what is not assigned here is in tpu_pod.sh
# The verb supervise of tpu_pod.sh, which sources this: looks every minute (GAXJAX_POLL seconds) at the request and at
# the workers, and does what is next. Nothing is remembered that is not there to be seen, so that it can be started again at any time.

# Statuses that the next start goes on from: 143, asked to stop and saved; 3, another process was gone; none, for a
# worker that was started anew in the middle of a run. Of any other one the same command would fail again.
RESUMED='^(143|3|none|0)$'
most_restarts=10 # on one slice, without an end
most_failures=3 # of requests in a row that became no slice
most_troubles=10 # in a row: workers that do not answer, an installation or a start that fails
pause=${GAXJAX_POLL:-60}

# What a dry run goes through, state of the request and outcome of the run: taken away once, and then finished.
rehearsal="ABSENT WAITING_FOR_RESOURCES ACTIVE:absent ACTIVE:running SUSPENDED ABSENT ACTIVE:absent ACTIVE:0"

# Sets `state`: ABSENT where there is no such request, and "" where gcloud could not say.
look_at_request() {
    # A list and not a description, which cannot tell a request that is not there from a failure to ask.
    local list=(list "--filter=name~/$name\$" "--format=value(state.state)")
    if [[ $dry_run ]]; then
        read -r state rehearsal <<<"$rehearsal"
        printf '# the request is %s%s\n' "${state%%:*}" "$([[ $state != *:* ]] || echo ", the run ${state#*:}")"
        tpu "${list[@]}"
    elif state=$(tpu "${list[@]}"); then
        state=${state:-ABSENT}
    else
        state=
    fi
}

# Sets `outcome` of the run on all workers together: absent (nothing is installed), running, other (another command
# is), maintenance (a notice stands), restart, a status, or "" where not all of them answer.
look_at_workers() {
    local ask lines line
    ask="$worker outcome $(quote "$@") || echo gaxjax-outcome absent"
    if [[ $dry_run ]]; then
        on_all_workers "$ask"
        outcome=${state#*:}
        return
    fi
    outcome=
    lines=$(on_all_workers "$ask") || return 0
    lines=$(sed -n 's/.*gaxjax-outcome \([a-z0-9]*\).*/\1/p' <<<"$lines" | sort -u)
    for line in other absent running maintenance; do
        if grep -qx "$line" <<<"$lines"; then
            outcome=$line
            return
        fi
    done
    # The worst first; one that ended well beside one that did not has to start with it again.
    outcome=$(grep -vE "$RESUMED" <<<"$lines" | head -n 1) || true
    [[ $outcome || -z $lines ]] || outcome=restart
    [[ $lines != 0 ]] || outcome=0
}

report() {
    printf '%s: %s\n' "$(date -u '+%H:%M:%S')" "$*" >&2
}

finish() { # STATUS
    [[ $dry_run ]] || on_all_workers "$worker status" || true
    if [[ $keep ]]; then
        report "the slice stays, and its bill: launch/tpu_pod.sh delete --name $name --zone $zone"
    else
        tpu delete "$name" --force --quiet
    fi
    exit "$1"
}

leave() {
    report "no longer watching; the slice and its run go on, and the bill: see stop and delete"
    exit 130
}

supervise() {
    local state outcome restarts=0 failures=0 troubles=0
    trap leave INT TERM
    while true; do
        look_at_request
        case ${state%%:*} in
            ABSENT)
                report "asking for $node_count x $type"
                create || fail_request "the request was refused"
                restarts=0
                ;;
            ACTIVE)
                failures=0
                look_at_workers "$@"
                attend_run "$@"
                ;;
            FAILED | SUSPENDED)
                report "the request is $state; making it again"
                [[ $state != FAILED ]] || tpu describe "$name" "--format=yaml(state)" >&2 || true
                tpu delete "$name" --force --quiet || report "it could not be deleted yet"
                [[ $state != FAILED ]] || fail_request "the last $most_failures requests have failed"
                ;;
            '') report "gcloud does not answer" ;;
            *) report "the request is $state" ;; # waiting for resources, provisioning, suspending, deleting
        esac
        # In the background, because a signal's trap runs while bash waits, and not while a program runs.
        [[ $dry_run ]] || { sleep "$pause" & wait $! || true; }
    done
}

# Counts a request that became no slice; too many in a row are the request's fault.
fail_request() { # WHY
    ((++failures < most_failures)) || {
        report "$1; giving up"
        exit 1
    }
}

# Counts what may pass by itself; too often in a row it does not.
count_trouble() { # WHAT
    report "$1"
    ((++troubles < most_troubles)) || {
        report "that happened $most_troubles times; giving up. The slice stays, and its bill: see status and delete"
        exit 1
    }
}

# What the workers' outcome asks for.
attend_run() { # COMMAND
    case $outcome in
        '') count_trouble "not all workers answer" ;;
        absent)
            report "installing"
            # As a program of its own: in a condition, bash would go on after what fails inside of a function.
            if bash "$here/tpu_pod.sh" install --name "$name" --zone "$zone" ${project:+--project "$project"} \
                ${dry_run:+--dry-run} && run "$@"; then
                report "started"
            else
                count_trouble "it cannot be installed or started yet"
            fi
            ;;
        running) troubles=0 ;;
        maintenance) report "waiting for the maintenance of a host" ;;
        restart)
            ((restarts++ < most_restarts)) || {
                report "started $most_restarts times on this slice without an end; giving up"
                finish 1
            }
            report "starting it, from its last checkpoint"
            run "$@" || count_trouble "it cannot be started yet"
            ;;
        other)
            report "another command is running on this slice; stop it first"
            exit 1
            ;;
        *)
            report "the run has ended with status $outcome"
            finish "$outcome"
            ;;
    esac
}
