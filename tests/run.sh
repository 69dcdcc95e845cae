#!/bin/sh
# Installs what the tests need into .venv and runs them all. Real legacy clients (tests/clients) run where they could be
# installed; the others are skipped with the reason. COVERAGE=1 measures branch coverage of all but the long tests, at
# more than twice their time. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
# Hundreds of processes are started: what one of them has compiled, the others need not.
unset PYTHONDONTWRITEBYTECODE
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --editable '.[test]'
sh tests/clients/install.sh || echo "no legacy client could be installed: their tests will be skipped"
# One process more than cores, where there are few: many tests wait.
run="-m pytest --numprocesses=$(($(getconf _NPROCESSORS_ONLN) + 1)) --dist=loadfile"
# shellcheck disable=SC2086 # words
if [ -z "${COVERAGE:-}" ]; then
    exec .venv/bin/python $run "$@"
fi
.venv/bin/python -m coverage erase
# shellcheck disable=SC2086 # words
.venv/bin/python -m coverage run $run -m "not long" "$@"
.venv/bin/python -m coverage combine --quiet
# shellcheck disable=SC2086 # words
exec .venv/bin/python $run -m long "$@"
