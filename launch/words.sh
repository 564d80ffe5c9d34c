# shellcheck shell=bash
# What the launchers share. To be sourced; `dry_run` is not empty where commands are printed only.

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
    if [[ ${dry_run:-} ]]; then
        quote "$@"
        echo
    else
        "$@"
    fi
}

# Prints the value of --workdir among the words of a command; nothing if there is none.
find_workdir() {
    local word workdir='' next=
    for word in "$@"; do
        [[ ! $next ]] || workdir=$word
        next=
        case $word in
            --workdir) next=1 ;;
            --workdir=*) workdir=${word#*=} ;;
        esac
    done
    printf '%s' "$workdir"
}
