#!/bin/sh
# What a node runs at every start, as the user that the junction runs as: joins the first time, does nothing while the identity is valid, comes back by its key after
# a long sleep. The token is a file of mode 0600 that the image or cloud-init brought; it may be gone once the node has joined.
set -eu
cd /etc/junction   # enrol-node.json lies here as junction.json
junction enroll hq.example.com:8443 --token-file join.token --identity identity --wait 5m
exec junction run junction.json
