#!/bin/sh
# What an admin would write for one domain: every record by delv, every host's certificate by posttls-finger.
# Names come from a laboratory; do not run this on names from strangers.
#   loop.sh ANCHORS DOMAIN
anchors=$1
domain=$2
ask() { delv @127.0.0.1 -a "$anchors" +root=. +cdflag +noall +answer -q "$1" -t "$2" 2>/dev/null; }
for host in $(ask "$domain" MX | awk '$4 == "MX" { print $6 }'); do
    ask "$host" A
    ask "$host" AAAA
    ask "_25._tcp.$host" TLSA
done
posttls-finger -c -l dane -t 10 -T 10 "$domain" 2>&1 | grep 'TLS connection established'
exit 0
