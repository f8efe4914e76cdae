#!/bin/sh
# Records hls-loopback.pcap: a live stream from its encoder to two players, all on the loopback interface.
#
#   encoder --MPEG-TS over UDP--> packager --HTTP PUT--> nginx --HTTP GET--> player over IPv4 (ffmpeg)
#      |                                                  '---HTTP GET--> player over IPv6 (a curl loop)
#      '-------RTP over UDP--> monitor
#
# Usage:  sudo ./record.sh [OUTPUT.pcap]
# Debian packages: ffmpeg nginx-light curl tcpdump iputils-ping. Root is for tcpdump alone.
#
# Everything lives in a temporary directory that is removed at the end, together with every process started here.
# Only the ports below are captured, so other traffic on the interface stays out; ICMP is captured too, for two pings.
set -eu

output=$(realpath -m "${1:-hls-loopback.pcap}")
ts=25000
http=28080
rtp=25004
snaplen=96
seconds=30

for program in ffmpeg nginx curl tcpdump ping; do
    command -v "$program" >/dev/null || { echo "record.sh: $program is missing" >&2; exit 1; }
done

work=$(mktemp -d)
pids=
cleanup() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    sleep 1
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
cd "$work"

# Starts a program in the background; $pid is its process.
start() {
    log=$1
    shift
    "$@" >"$log.log" 2>&1 </dev/null &
    pid=$!
    pids="$pids $pid"
}

# Waits until a command succeeds, at most 10 s.
until_true() {
    tries=100
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "record.sh: gave up on: $*" >&2; exit 1; }
        sleep 0.1
    done
}

player="ffmpeg -nostdin -hide_banner -loglevel warning"

mkdir live
cat >nginx.conf <<NGINX
daemon off;
pid nginx.pid;
error_log nginx-error.log;
$([ "$(id -u)" -ne 0 ] || echo "user $(id -un) $(id -gn);")
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen 127.0.0.1:$http;
        listen [::1]:$http;
        root .;
        location /live/ { root $work; dav_methods PUT DELETE; client_max_body_size 8m; }
    }
}
NGINX

start tcpdump tcpdump -i lo -s "$snaplen" -U -Z "$(id -un)" -w capture.pcap \
    "tcp port $http or udp port $ts or udp port $rtp or udp port $((rtp + 1)) or icmp or icmp6"
tcpdump_pid=$pid
until_true grep -q "listening on" tcpdump.log

start nginx nginx -p "$work" -c "$work/nginx.conf" -e "$work/nginx-error.log"
until_true test -s nginx.pid

# The packager: takes the transport stream, cuts HLS segments of two seconds, and PUTs them. When the stream has been
# silent for three seconds it writes the playlist's end, which ends the first player too.
start packager $player -i "udp://127.0.0.1:$ts?timeout=3000000" -c copy -f hls -hls_time 2 -hls_list_size 5 \
    -hls_flags delete_segments -hls_segment_filename "http://127.0.0.1:$http/live/one-%03d.ts" \
    -method PUT -http_persistent 1 "http://127.0.0.1:$http/live/one.m3u8"
packager_pid=$pid
sleep 1

# The monitor takes the encoder's second output, RTP.
cat >monitor.sdp <<SDP
v=0
o=- 0 0 IN IP4 127.0.0.1
s=monitor
c=IN IP4 127.0.0.1
t=0 0
m=audio $rtp RTP/AVP 97
a=rtpmap:97 opus/48000/2
SDP
start monitor $player -protocol_whitelist file,udp,rtp -i monitor.sdp -f null -

# The encoder: a test picture and a tone, at the pace of real time.
start encoder $player \
    -re -f lavfi -i "testsrc2=size=320x180:rate=25" -re -f lavfi -i "sine=frequency=440:sample_rate=48000" \
    -map 0:v -map 1:a -t "$seconds" -c:v libx264 -preset veryfast -tune zerolatency -g 50 -b:v 400k -maxrate 500k -bufsize 500k \
    -pix_fmt yuv420p -c:a aac -b:a 64k -f mpegts "udp://127.0.0.1:$ts?pkt_size=1316" \
    -map 1:a -t 12 -c:a libopus -b:a 32k -f rtp "rtp://127.0.0.1:$rtp"
encoder_pid=$pid

# A player over IPv6: the playlist each second, and each segment it has not fetched yet.
curl_player() {
    seen=" "
    while :; do
        for segment in $(curl -sf -g "http://[::1]:$http/live/one.m3u8" | grep '\.ts$'); do
            case $seen in
                *" $segment "*) ;;
                *) curl -sf -g -o /dev/null "http://[::1]:$http/live/$segment" || continue
                   seen="$seen$segment " ;;
            esac
        done
        sleep 1
    done
}

until_true test -s live/one.m3u8
start player4 $player -i "http://127.0.0.1:$http/live/one.m3u8" -c copy -f null -
curl_player >player6.log 2>&1 &
pids="$pids $!"
player6_pid=$!
ping -q -c 2 127.0.0.1 >/dev/null || true
ping -q -c 2 ::1 >/dev/null || true

sleep 16
kill "$player6_pid"         # this one leaves early
wait "$encoder_pid" || true
wait "$packager_pid" || true
sleep 2
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true

cp capture.pcap "$output"
tail -n 3 tcpdump.log >&2
