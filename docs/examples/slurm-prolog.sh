#!/bin/sh
# slurm.conf: Prolog=/etc/slurm/junction-prolog.sh. Before a job begins, its node has a junction that serves (junction-node.service, which joins by itself).
# Not tried in a cluster. A prolog that fails drains the node: here it only says so, since most jobs need no license.
systemctl is-active --quiet junction-node.service && exit 0
timeout 60 systemctl start junction-node.service || logger -t junction "the junction of this node does not start: systemctl status junction-node"
exit 0
