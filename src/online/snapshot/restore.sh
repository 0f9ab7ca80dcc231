#!/bin/sh
# Restores one snapshot of a node's database from this directory, with sh, age, zstd, jq, sha256sum and ssh-keygen.
# Run `sh restore.sh` without arguments for help. It can be run again after it was interrupted: whole files stay.
set -eu
umask 077
LC_ALL=C
export LC_ALL

usage() {
    cat >&2 <<'END'
sh restore.sh --snapshot TIME-CLASS --identity FILE --trust FILE --to DIRECTORY [--unattested]

  --snapshot    name of a file manifests/NAME.json without .json, e.g. 20261127T020000Z-daily
  --identity    age identity that the snapshot was sealed to
  --trust       allowed-signers file: namespaces="qh-snapshot" for hosts, "qh-snapshot-good" for verifiers
  --to          directory that the database is restored into; new, or left by an interrupted run of this script
  --unattested  take a snapshot that no verifier has restored yet
END
    exit 2
}

refuse() {
    told=yes
    printf 'restore.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

told='' snapshot='' identity='' trust='' to='' attested=yes
while [ $# -gt 0 ]; do
    case "$1" in
        --snapshot | --identity | --trust | --to)
            [ $# -ge 2 ] || usage
            case "$1" in
                --snapshot) snapshot=$2 ;;
                --identity) identity=$2 ;;
                --trust) trust=$2 ;;
                --to) to=$2 ;;
            esac
            shift 2
            ;;
        --unattested)
            attested=no
            shift
            ;;
        *) usage ;;
    esac
done
[ -n "$snapshot" ] && [ -n "$identity" ] && [ -n "$trust" ] && [ -n "$to" ] || usage
case "$snapshot" in *[!A-Za-z0-9-]*) refuse "\"$snapshot\" is no snapshot's name" ;; esac
for tool in age zstd jq sha256sum ssh-keygen; do
    command -v "$tool" >/dev/null || refuse "$tool is not installed" 3
done

here=$(cd "$(dirname "$0")" && pwd)
head=$here/manifests/$snapshot.json
[ -f "$head" ] || refuse "there is no snapshot $snapshot here"
[ -f "$identity" ] || refuse "$identity is not there"
[ -f "$trust" ] || refuse "$trust is not there"

# A full disk and the like: what is whole stays.
ended() {
    code=$?
    [ "$code" = 0 ] || [ -n "$told" ] || printf 'restore.sh: it ended early; run it again, and it goes on\n' >&2
    exit "$code"
}
trap ended EXIT

hash() { sha256sum <"$1" | cut -d' ' -f1; }

# Whose signature: any key of the trust file that counts for the namespace.
signed() { # FILE NAMESPACE
    [ -f "$1.sig" ] || refuse "$1 is not signed" 4
    principal=$(ssh-keygen -Y find-principals -s "$1.sig" -f "$trust" 2>/dev/null | head -n 1) || principal=''
    [ -n "$principal" ] || refuse "$1 is signed by a key that is not in $trust" 4
    ssh-keygen -Y verify -f "$trust" -I "$principal" -n "$2" -s "$1.sig" <"$1" >/dev/null 2>&1 ||
        refuse "the signature of $1 does not count for $2" 4
}

signed "$head" qh-snapshot
[ "$principal" = "$(jq -r .source "$head")" ] || refuse "$head is signed by $principal, and is not of that host" 4
[ "$(jq -r .format "$head")" = qh-snapshot-head/1 ] || refuse "$head has another format" 4
name=$(jq -r '(.time | gsub("[-:]"; "")) + "-" + (.classes | if index("monthly") then "monthly" elif index("weekly") then "weekly" elif index("daily") then "daily" else "hot" end)' "$head")
[ "$name" = "$snapshot" ] || refuse "$head is of another snapshot ($name)" 4
if [ "$attested" = yes ]; then
    good=$here/manifests/$snapshot.good
    [ -f "$good" ] || refuse "no verifier has restored this snapshot yet (see --unattested)" 4
    signed "$good" qh-snapshot-good
    [ "$(jq -r .head_sha256 "$good")" = "$(hash "$head")" ] || refuse "$good speaks of another snapshot" 4
fi

mkdir -p "$to"
to=$(cd "$to" && pwd)
work=$to/.restore
mkdir -p "$work"
# What lies there is whole files of this snapshot, from an interrupted run, or nothing.
if [ -f "$work/snapshot" ]; then
    [ "$(cat "$work/snapshot")" = "$(hash "$head")" ] || refuse "$to was begun with another snapshot"
else
    [ -z "$(ls -A "$to" | grep -v '^\.restore$' || true)" ] || refuse "$to is not empty"
    hash "$head" >"$work/snapshot"
fi

sealed=$here/manifests/$snapshot.age
[ -f "$sealed" ] || refuse "$sealed is absent" 4
[ "$(hash "$sealed")" = "$(jq -r .manifest_sha256 "$head")" ] || refuse "$sealed is not the one that was signed" 4
age -d -i "$identity" -o "$work/manifest" "$sealed" || refuse "$sealed does not open with $identity" 4
jq -e '.format == "qh-snapshot/1" and (.files | all(.path | test("^[A-Za-z0-9_][A-Za-z0-9._-]*$"))) and
    ([.files[].chunks[].object] | all(test("^[0-9a-f]{64}(-[0-9a-f]{16})?$")))' "$work/manifest" >/dev/null ||
    refuse "the manifest is malformed" 4

# One line a file and one a chunk; no name has a space.
jq -r '.files[] | "F \(.path) \(.mode) \(.sha256) \(.size)", (.chunks[] | "C \(.object) \(.codec) \(.sha256)"), "E"' \
    "$work/manifest" >"$work/list"
total=$(jq '.files | length' "$work/manifest")
n=0
skip=no
while read -r kind a b c d; do
    case $kind in
        F)
            path=$a mode=$b whole=$c size=$d n=$((n + 1)) skip=no
            if [ -f "$to/$path" ] && [ "$(hash "$to/$path")" = "$whole" ]; then
                skip=yes
            else
                printf '%s of %s: %s, %s bytes\n' "$n" "$total" "$path" "$size" >&2
                : >"$work/file"
            fi
            ;;
        C)
            [ "$skip" = no ] || continue
            object=$here/objects/$(printf %.2s "$a")/$a
            [ -f "$object" ] || refuse "object $a of $path is absent" 4
            age -d -i "$identity" -o "$work/opened" "$object" || refuse "object $a of $path does not open" 4
            if [ "$b" = zstd ]; then
                zstd -q -d -f -c "$work/opened" >"$work/chunk" || refuse "object $a of $path can't be unpacked" 4
            else
                mv "$work/opened" "$work/chunk"
            fi
            [ "$(hash "$work/chunk")" = "$c" ] || refuse "object $a of $path holds other bytes" 4
            cat "$work/chunk" >>"$work/file"
            ;;
        E)
            [ "$skip" = no ] || continue
            [ "$(hash "$work/file")" = "$whole" ] || refuse "$path is not the file that was saved" 4
            chmod "$mode" "$work/file"
            mv "$work/file" "$to/$path"
            ;;
    esac
done <"$work/list"
sync
rm -rf "$work"
printf 'Restored %s files into %s.\n' "$total" "$to" >&2
printf 'Give them to the user that the node runs as, and put the directory in the place of the old database.\n' >&2
printf 'A validator must not sign until it has caught up and one full session has passed.\n' >&2
