#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntuned-http as its clients see it: good ones, bad ones, and those that want to be let in.
# shellcheck disable=SC2317 # functions that until_true calls
. "${srcdir:-.}/tests/integration/lib.sh"
need curl python3 jq

http=${CONNTUNED_HTTP:-./conntuned-http}
[ -x "$http" ] || skip "conntuned-http isn't built: libmicrohttpd, zlib or libcrypt is missing"
peers()
{
	python3 "$src/tests/http/peers.py" "$@"
}
server=
drips=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; [ -z "$drips" ] || kill "$drips" 2>/dev/null; rm -rf "$tmp"' EXIT

answers()
{
	grep -q "answers on $1" "$tmp/log"
}

# start [OPTION...]: on a port that is free, in $port, and on $tmp/sock; its own process is in $server
start()
{
	: >"$tmp/log"
	"$http" --sandbox kill --root "$tmp/root" --listen 127.0.0.1:0 --listen "$tmp/sock" "$@" 2>>"$tmp/log" &
	server=$!
	until_true 20 answers "$tmp/sock"
	port=$(sed -n 's/.*answers on 127.0.0.1:\([0-9]*\)$/\1/p' "$tmp/log" | head -n 1)
	url=http://127.0.0.1:$port
}

# stop [SIGNAL]: leaves $status
stop()
{
	status=0
	kill -"${1-TERM}" "$server"
	wait "$server" || status=$?
	server=
}

# get ARGUMENT...: with curl; leaves the status code in $code, headers in $tmp/headers, the body in $tmp/out
get()
{
	code=$(curl -s -m 20 -D "$tmp/headers" -o "$tmp/out" -w '%{http_code}' "$@")
}

# has_header NAME VALUE
has_header()
{
	is "header $1 of '$code'" "$(tr -d '\r' <"$tmp/headers" | sed -n "s/^$1: //ip")" "$2"
}

# number NAME: of the last peers
number()
{
	sed -n "s/^$1=//p" "$tmp/peers"
}

# wrong PATTERN CODE ARGUMENT...: it doesn't start, and says why in one line
wrong()
{
	pattern=$1 wanted=$2
	shift 2
	status=0
	timeout 20 "$http" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	is "conntuned-http $*: exit code" "$status" "$wanted"
	is "conntuned-http $*: lines" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
	grep -qe "$pattern" "$tmp/err" || fail "conntuned-http $*: '$(cat "$tmp/err")' doesn't match '$pattern'"
}

mkdir "$tmp/root"

# --- the command line
wrong "unknown option '--fast'" 2 --fast
wrong "an argument is missing for '--listen'" 2 --listen
wrong "takes no arguments, not even 'now'" 2 now
wrong "sandbox is refuse, kill or off, not 'on'" 2 --sandbox on
for bad in '' localhost:80 127.0.0.1 127.0.0.1: 127.0.0.1:x 127.0.0.1:65536 127.0.0.1:-1 '[::1' '[::1]' '::1:80' '[127.0.0.1]:80' relative.sock; do
	wrong "can't listen on '.*': not ADDRESS:PORT" 2 --listen "$bad"
done
wrong "other machines.*--allow-remote" 2 --listen 0.0.0.0:0
wrong "other machines.*--allow-remote" 2 --listen 127.0.0.1:0 --listen '[::]:0'
wrong "nowhere" 2 --root "$tmp/nowhere" --listen 127.0.0.1:0
wrong "a certificate needs its key" 2 --certificate "$tmp/c"
wrong "users '$tmp/nobody': No such file" 1 --users "$tmp/nobody" --listen 127.0.0.1:0
"$http" --help >"$tmp/out"
printf 'help\nversion\n' >"$tmp/usual"
is "--help names the options of the manual" "$(sed -n 's/^  --\([a-z-]*\).*/\1/p' "$tmp/out" | sort)" \
	"$(sed -n 's/^\.It Fl Fl //p' "$src/man/conntuned-http.8" | sed 's/ , Fl Fl /\n/g' | sed 's/ .*//' | cat - "$tmp/usual" | sort)"
is "--version" "$("$http" --version)" "$("$conntune" --version | sed 's/conntune/conntuned-http/')"

# --- good clients
start
get "$url/healthz"
is "/healthz" "$code $(cat "$tmp/out")" "200 ok"
for header in "Cache-Control no-store" "X-Content-Type-Options nosniff"; do
	has_header "${header% *}" "${header#* }"
done
has_header Server ""
for path in / /metrics /api/v1/status; do
	get "$url$path"
	is "$path" "$code" 200
	has_header X-Content-Type-Options nosniff
	cp "$tmp/out" "$tmp/plain"
	get --compressed "$url$path?a=b"
	is "$path made shorter" "$code" 200
	get -I "$url$path"
	is "HEAD $path" "$code $(wc -c <"$tmp/out" | tr -d ' ')" "200 $(wc -c <"$tmp/headers" | tr -d ' ')"
done
get "$url/readyz"
is "/readyz without conntuned" "$code" 503
has_header X-Content-Type-Options nosniff
get "$url/xyzzy?plugh"
is "an unknown path" "$code" 404
grep -qe xyzzy -e plugh "$tmp/out" "$tmp/headers" && fail "an unknown path comes back"
has_header Cache-Control no-store
for method in POST PUT DELETE OPTIONS TRACE PATCH XYZZY; do
	get -X "$method" -d xyzzy "$url/metrics"
	is "$method" "$code" 405
	has_header Allow "GET, HEAD"
	has_header X-Content-Type-Options nosniff
	is "$method: body" "$(cat "$tmp/out")" "only GET and HEAD"
done
get --unix-socket "$tmp/sock" http://x/healthz
is "by unix socket" "$code" 200
is "two requests, one connection" "$(curl -sv "$url/healthz" "$url/healthz" 2>&1 | grep -c 'Re-using existing')" 1

# --- bad ones; one byte a second in the background
peers drips "$port" 6 20 >"$tmp/drips" 2>&1 &
drips=$!
peers pipeline "$port" 20 >"$tmp/peers" || fail "pipelining: $(cat "$tmp/peers")"
peers deaf "$port" 2 >"$tmp/peers" || fail "crowds that don't read: $(cat "$tmp/peers")"
is "scrapes that failed among crowds that don't read" "$(number failed)" 0
peers early "$port" 200 >"$tmp/peers" || fail "early close: $(cat "$tmp/peers")"
peers big "$port" 2000000 >"$tmp/peers" || fail "2 MB: $(cat "$tmp/peers")"
peers fuzz "$port" "${HTTP_FUZZ:-500}" 1 >"$tmp/peers" 2>&1 || fail "mutated requests: $(tail -n 3 "$tmp/peers")"
checks=$((checks + 5))
wait "$drips" || fail "drips: $(cat "$tmp/drips")"
drips=
cp "$tmp/drips" "$tmp/peers"
is "drips that are left" "$(number left)" 0
is "the last one went in 15 s ($(number last_gone))" "$(number last_gone | awk '{ print ($1 <= 15) }')" 1
is "the first one had its time ($(number first_gone))" "$(number first_gone | awk '{ print ($1 >= 9) }')" 1

# --- a flood
peers flood "$port" "$server" 1000 100 4 >"$tmp/peers" 2>&1 || fail "flood: $(tail -n 3 "$tmp/peers")"
is "scrapes that failed in a flood" "$(number failed)" 0
# what a sanitizer keeps isn't the program's
grep -qa __asan_init .libs/conntuned-http conntuned-http || is "memory a flood takes ($(number growth_kib) KiB)" "$(number growth_kib | awk '{ print ($1 <= 2048) }')" 1
# a machine that does other things besides may be slow for a moment; tests/bench/bench_http_flood has the real bound
is "scrapes in a flood, the flood's address ($(number same_p50_ms))" "$(number same_p50_ms | awk '{ print ($1 <= 50) }')" 1
is "scrapes in a flood, another address ($(number other_p50_ms))" "$(number other_p50_ms | awk '{ print ($1 <= 50) }')" 1
for i in same other; do
	is "the slowest scrape in a flood, $i address ($(number ${i}_most_ms))" "$(number ${i}_most_ms | awk '{ print ($1 <= 500) }')" 1
done
stop
is "a clean end" "$status" 0
[ -e "$tmp/sock" ] && fail "the socket is left"

# --- killed, and started again
start
curl -s -N "$url/" >/dev/null
stop KILL
[ -e "$tmp/sock" ] || fail "there was nothing to leave"
start
get --unix-socket "$tmp/sock" http://x/healthz
is "after SIGKILL" "$code" 200
wrong "can't listen on '127.0.0.1:$port': Address already in use" 5 --listen "127.0.0.1:$port"
wrong "can't listen on '$tmp/sock': Address already in use" 5 --listen "$tmp/sock"
get --unix-socket "$tmp/sock" http://x/healthz
is "nobody has taken its socket" "$code" 200
stop INT

# --- inherited from the service manager
if command -v systemd-socket-activate >/dev/null; then
	systemd-socket-activate -l "$tmp/given" "$http" --sandbox kill --root "$tmp/root" 2>"$tmp/log" &
	server=$!
	until_true 20 [ -S "$tmp/given" ]
	get --unix-socket "$tmp/given" http://x/healthz
	is "on an inherited socket" "$code" 200
	stop
fi

# --- settings, and whoever has started it goes
mkdir -p "$tmp/root/etc/conntune"
conf=$tmp/root/etc/conntune/conntuned.conf
printf '[Http]\nAllowRemote=maybe\n' >"$conf"
status=0
timeout 20 "$http" --root "$tmp/root" --listen 127.0.0.1:0 2>"$tmp/err" </dev/null || status=$?
is "a setting that isn't understood: exit code" "$status" 1
is "is named with its line" "$(grep -c 'conntuned.conf:2: ' "$tmp/err")" 1
printf '[Http]\nTLSKey=/etc/key\n' >"$conf"
wrong "TLSKey= needs its TLSCertificate=" 1 --root "$tmp/root" --listen 127.0.0.1:0
printf '[Http]\nAllowRemote=yes\n' >"$conf"
mkfifo "$tmp/life"
"$http" --sandbox kill --root "$tmp/root" --listen 0.0.0.0:0 --end-with-stdin <"$tmp/life" 2>"$tmp/log" &
server=$!
exec 8>"$tmp/life"
until_true 20 answers 0.0.0.0
exec 8>&-
status=0
wait "$server" || status=$?
server=
is "ends with standard input" "$status" 0
rm "$conf"

# --- who may ask
if command -v openssl >/dev/null; then
	hash=$(openssl passwd -5 secret)
	printf '# those who may\nada:%s\n' "$hash" >"$tmp/users"
	start --users "$tmp/users" --listen 0.0.0.0:0
	get "$url/metrics"
	is "no password" "$code" 401
	has_header WWW-Authenticate 'Basic realm="conntuned", charset="UTF-8"'
	has_header X-Content-Type-Options nosniff
	for i in 1 2 3; do
		get -u ada:secret "$url/metrics"
		is "the right password" "$code" 200
	done
	get --unix-socket "$tmp/sock" http://x/metrics
	is "no password by unix socket" "$code" 200
	codes=
	for i in 1 2 3 4 5 6 7 8; do
		get -u "ada:wrong$i" "$url/metrics"
		codes="$codes$code "
	done
	case $codes in
	"401 "*"429 ") ;;
	*) fail "wrong passwords: $codes" ;;
	esac
	has_header Retry-After 10
	get -u ada:secret "$url/metrics"
	is "the right one all the same" "$code" 200
	stop
	for bad in ada 'ada:' "ada:x" 'ada:$1$abc$abcdefghijklmnopqrstu/' ":$hash" "ada:$hash
ada:$hash" '# nobody'; do
		printf '%s\n' "$bad" >"$tmp/users"
		wrong "users '.*': line [0-9]*: " 1 --users "$tmp/users" --listen 127.0.0.1:0
	done

	# --- TLS
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key" -out "$tmp/certificate" 2>"$tmp/err" || fail "openssl: $(cat "$tmp/err")"
	start --certificate "$tmp/certificate" --key "$tmp/key" --listen '[::]:0'
	get --cacert "$tmp/certificate" "https://127.0.0.1:$port/healthz"
	is "with TLS" "$code $(cat "$tmp/out")" "200 ok"
	has_header Cache-Control no-store
	get "$url/healthz"
	is "without, where it is wanted" "$code" 000
	get --tls-max 1.1 --cacert "$tmp/certificate" "https://127.0.0.1:$port/healthz"
	is "with one that is broken" "$code" 000
	get --unix-socket "$tmp/sock" http://x/healthz
	is "unix sockets have none" "$code" 200
	peers early "$port" 0 2>/dev/null && fail "plain HTTP on a TLS socket"
	get --cacert "$tmp/certificate" "https://127.0.0.1:$port/metrics"
	is "and on it goes" "$code" 200
	stop
	echo nonsense >"$tmp/key"
	wrong "certificate '$tmp/certificate': " 1 --certificate "$tmp/certificate" --key "$tmp/key" --listen 127.0.0.1:0
fi
finish
