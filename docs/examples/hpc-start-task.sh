#!/bin/sh
# The start task of an HPC pool's node (Azure Batch, ParallelCluster and the like), without root and without a service manager: the node joins, and has a junction that
# outlives this task. A node that starts again, or a newer version, takes the place of what runs.
#   hpc-start-task.sh HOST:PORT      the linkListen address of the junction to join
# Beside it lie the program (junction), the token (join.token, mode 0600) and enrol-node.json as junction.json, with { "directory": "identity" } as its identity.
set -eu
hub=${1:?usage: hpc-start-task.sh HOST:PORT}
cd "$(dirname "$0")"
umask 077
./junction enroll "$hub" --token-file join.token --identity identity --wait 5m
if [ -e junction.log ]; then mv junction.log junction.log.1; fi
setsid ./junction run --takeover junction.json --log-format json >junction.log 2>&1 </dev/null &
for _ in $(seq 300); do
  if grep -q '"event":"ready"' junction.log; then exit 0; fi
  if ! kill -0 $! 2>/dev/null; then break; fi
  sleep 0.1
done
cat junction.log >&2
exit 1
