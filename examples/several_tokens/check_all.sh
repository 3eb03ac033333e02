#!/bin/sh
# One useapi.net subscription covers three accounts of a service, so who works for several customers
# has several API tokens. One run for each, with an output of its own, and one report of all:
#
#   check_all.sh TOKENS RESULTS
#
# TOKENS is a directory with a file for each customer, mode 0600, that holds the token in one line;
# the name of the file is the name of the customer. RESULTS gets NAME.jsonl, attention.csv with the
# accounts of all that need somebody, and in metrics/ textfiles for the node exporter, whose series
# have the label customer="NAME". It ends with the highest exit status of the runs.
set -u
tokens=$1 results=$2 worst=0
mkdir -p "$results/metrics"
for token in "$tokens"/*; do
    name=$(basename "$token")
    ltx-async check --from-api --quiet --token-file "$token" -o "$results/$name.jsonl" --overwrite \
        --expires-within 7d --metrics-file "$results/metrics/$name.prom" --metrics-label "customer=$name"
    status=$?
    # The others are asked all the same where one token is refused or the service gives no answer.
    [ "$status" -ge 2 ] && echo "$name: exit status $status" >&2
    [ "$status" -gt "$worst" ] && worst=$status
done
ltx-async report "$results"/*.jsonl --expires-within 7d --attention --quiet \
    -o "$results/attention.csv" --overwrite
ltx-async report "$results"/*.jsonl --expires-within 7d
exit "$worst"
