#!/bin/sh
# Runs the built service; `service.sh gateway`, `gatekeeper` and `launcher` run one of several. Memory at rest is mostly the
# young generation and malloc's arenas of each thread, so both are kept small: docs/adr/0006-one-bundle-for-the-service.md.
root=$(dirname "$(dirname "$(readlink -f "$0")")")
node=$root/node_modules/.bin/node
[ -x "$node" ] || node=node
entry=main
case ${1-} in
gateway | gatekeeper | launcher)
  entry=$1
  shift
  ;;
esac
MALLOC_ARENA_MAX=1 exec "$node" --max-semi-space-size=2 "$root/dist/bundle/$entry.js" "$@"
