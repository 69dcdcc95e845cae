#!/bin/sh
# Installs the legacy clients of clients.txt, each into its own directory below installed/ (git ignores it).
#
#   install.sh [--python] [--node]        both kinds when none is named
#
# PYTHON names the interpreter that will run the clients; without it the project's .venv, else python3.
#
# A client that is there in the right version is left alone. One line a client says what happened; the exit code is 0
# unless clients were asked for and none of them is there at the end. The plain PHP clients need nothing from here.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
target=$here/installed
venv=$here/../../.venv/bin/python
[ -x "$venv" ] || venv=python3
python=${PYTHON:-$venv}
kinds=
for flag in "$@"; do
    case $flag in
        --python) kinds="$kinds python" ;;
        --node) kinds="$kinds node" ;;
        *) echo "usage: install.sh [--python] [--node]" >&2; exit 2 ;;
    esac
done
kinds=${kinds:-python node}

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

install_python() {  # directory, name==version
    "$python" -m pip --version >/dev/null 2>"$log" || { echo "$python has no pip" >"$log"; return 1; }
    "$python" -m pip install --quiet --no-input --disable-pip-version-check --target "$1" "$2" </dev/null >"$log" 2>&1
}

install_node() {
    command -v npm >/dev/null 2>&1 || { echo "npm is not on PATH" >"$log"; return 1; }
    # A package.json of our own keeps npm from installing into a parent directory; no package runs a script here.
    mkdir -p "$1" && echo '{"private": true}' >"$1/package.json" || return 1
    npm install --prefix "$1" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
        "$(echo "$2" | sed 's/==/@/')" </dev/null >"$log" 2>&1
}

wanted=0 there=0
while read -r kind name pin; do
    case $kind in '' | '#'*) continue ;; esac
    case " $kinds " in *" $kind "*) ;; *) continue ;; esac
    wanted=$((wanted + 1))
    if [ "$(cat "$target/$name/.pin" 2>/dev/null)" = "$pin" ]; then
        echo "installed $pin (was there)"
        there=$((there + 1))
        continue
    fi
    # Beside its place first: half an installation must not look like a client.
    rm -rf "$target/$name" "$target/.new-$name"
    mkdir -p "$target" || exit 1
    if "install_$kind" "$target/.new-$name" "$pin" \
        && echo "$pin" >"$target/.new-$name/.pin" && mv "$target/.new-$name" "$target/$name"; then
        echo "installed $pin"
        there=$((there + 1))
    else
        rm -rf "$target/.new-$name"
        reason=$(grep -i error "$log" | grep -v 'error code' | head -n 1)
        echo "skipped $pin: ${reason:-$(tail -n 1 "$log")}"
    fi
done <"$here/clients.txt"

[ "$there" -gt 0 ] || [ "$wanted" -eq 0 ]
