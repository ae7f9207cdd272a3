#!/usr/bin/env bash
# Starts the server for one workload of the load harness, in the foreground until SIGTERM.
#
# From the environment, each with a default:
#   BENCH_HOST BENCH_PORT     where to listen (127.0.0.1, 5060), UDP and TCP
#   BENCH_DOMAIN              domain to serve, realm of the digest (bench.local)
#   BENCH_WORKLOAD            W1 proxied call, W2 REGISTER, W2b the same with digest, W3 redirect,
#                             W4 OPTIONS (W1)
#   BENCH_USERS               accounts to make for W2b: user0..userN-1, password "secret" (1000)
#   BENCH_TMP                 scratch directory (a new one)
#   BENCH_STORE               "memory:" or "sqlite:PATH" (memory:, but a file for W2b)
#   SIPAPP_TWISTD_OPTIONS     more options for twistd, for example --reactor=epoll
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
host=${BENCH_HOST:-127.0.0.1} port=${BENCH_PORT:-5060} domain=${BENCH_DOMAIN:-bench.local}
tmp=${BENCH_TMP:-$(mktemp -d)} workload=${BENCH_WORKLOAD:-W1}
auth=none store=${BENCH_STORE:-memory:}
case $workload in
W1 | W2 | W3 | W4) ;;
W2b)
    auth=digest
    [ "$store" != memory: ] || store=sqlite:$tmp/sipapp.sqlite
    "$root/.venv/bin/python" "$root/benchmarks/accounts.py" \
        "${store#sqlite:}" "$domain" "${BENCH_USERS:-1000}"
    ;;
*)
    echo "serve.sh: $workload is no workload of ours" >&2
    exit 64
    ;;
esac

# A caller who asks for "r." and a user is redirected to the user's contacts. The load generator
# answers MD5 only, and two million transactions are 32 seconds of more calls than a core carries.
cat >"$tmp/sipapp.toml" <<EOF
listen = ["udp:$port:interface=$host", "tcp:$port:interface=$host"]
domains = ["$domain"]
apps = ["registrar", "redirect", "proxy"]
store = "$store"
auth = "$auth"
state_dir = "$tmp"

[digest]
algorithms = ["MD5"]

[limits]
transactions = 2000000

[app.redirect]
prefix = "r."
EOF
# shellcheck disable=SC2086 # the options are several words
exec "$root/.venv/bin/twistd" -n --pidfile= ${SIPAPP_TWISTD_OPTIONS:-} sipapp -c "$tmp/sipapp.toml"
