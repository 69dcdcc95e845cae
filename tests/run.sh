#!/bin/sh
# Installs what the tests need into .venv and runs them all. Real legacy clients (tests/clients) run where they could be
# installed; the others are skipped with the reason. COVERAGE=1 measures branch coverage as well, at about three times
# the time. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --editable '.[test]'
sh tests/clients/install.sh || echo "no legacy client could be installed: their tests will be skipped"
if [ -z "${COVERAGE:-}" ]; then
    exec .venv/bin/python -m pytest --numprocesses=2 --dist=loadfile "$@"
fi
.venv/bin/python -m coverage erase
.venv/bin/python -m coverage run -m pytest --numprocesses=2 --dist=loadfile "$@"
.venv/bin/python -m coverage combine --quiet
