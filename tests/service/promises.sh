# Sourced by check.sh: an installed device does what its pages and its README promise, files that root writes for it
# belong to it, and one that it cannot read costs the page alone. The device looks at virtual:portrait.
# shellcheck shell=bash disable=SC2015,SC2034,SC2154  # ok never fails; took reads started; checkout, log: check.sh's
own_python=/opt/face-edge/current/bin/python
home=http://127.0.0.1:8080/
hash_file=/etc/face-edge/secrets/operator.hash
serves() {   # serves STATUS: what the wall page answers, by its number; 303 is the way to the login
    python3 - "$home" "$1" 2>/dev/null <<'P'
import http.client, sys
from urllib.parse import urlsplit
connection = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc, timeout=5)
connection.request("GET", "/operator")
sys.exit(connection.getresponse().status != int(sys.argv[2]))
P
}
off() { ! serves 200 && ! serves 303; }
names_it() { face-edge status | grep "^off *kiosk: kiosk.password_file: .*$1" >/dev/null; }
kept_config=$(cat /etc/face-edge/config.toml)

step 'every page, a session with report and CSV, a film with marked faces'
printf '[sessions]\nk = 1\n' >>/etc/face-edge/config.toml
systemctl restart face-edge; looks || fail
waits 30 serves 200 || fail
"$own_python" - >"$log" 2>&1 <<'P' || fail
import av, cv2
from edge.sources import virtual
from pathlib import Path
portrait = cv2.resize(cv2.imread(str(Path(virtual.__file__).parent / "assets/portrait.jpg")), (320, 320))
with av.open("/tmp/film.mp4", "w") as film:
    stream = film.add_stream("h264", rate=10)
    stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
    for _ in range(20):
        film.mux(stream.encode(av.VideoFrame.from_ndarray(portrait, format="bgr24")))
    film.mux(stream.encode())
P
started=$SECONDS
python3 "$checkout/tests/service/probe_pages.py" "$home" /tmp/film.mp4 >"$log" 2>&1 && ok "$(took): $(tail -n 1 "$log")" || fail

step 'the same by root: report, CSV; Parquet is named with the command that brings it'
rm -rf /tmp/home; mkdir /tmp/home
face-edge sessions report last --out /tmp/home/report.html >"$log" 2>&1 && grep -q '<svg' /tmp/home/report.html || fail
face-edge sessions export last >/tmp/home/data.csv 2>"$log" && grep -q '^second,' /tmp/home/data.csv || fail
code=0; face-edge sessions export last --format parquet --out /tmp/home/data.parquet >"$log" 2>&1 || code=$?
[ $code = 8 ] && grep -qF 'sudo /opt/face-edge/current/installer/install.sh --extras parquet' "$log" \
    && [ -x /opt/face-edge/current/installer/install.sh ] && ok || fail "exit code $code"

step 'an extra of no device is refused by name'
code=0; /opt/face-edge/current/installer/install.sh --no-apt --extras parqet >"$log" 2>&1 || code=$?
[ $code = 1 ] && grep -q "there is no extra 'parqet'.*broker fleet parquet schema" "$log" && ok || fail "exit code $code"

step 'a password file made by root belongs to the service, and the page asks for it'
( umask 077; face-edge kiosk password --generate --output "$hash_file" ) >"$log" 2>&1 || fail
[ "$(stat -c '%U %a' "$hash_file") $(stat -c %U "$(dirname "$hash_file")")" = 'face-edge 600 face-edge' ] || fail "$(ls -la "$hash_file")"
sed -i "/^\[kiosk\]/a password_file = \"$hash_file\"" /etc/face-edge/config.toml
systemctl restart face-edge; looks && waits 30 serves 303 && ok "$(grep -o 'wrote.*' "$log")" || fail

step 'one that it cannot read: the page is off, the device works and says why'
chown root: "$hash_file"; now=$(date +%s); systemctl restart face-edge
looks && waits 30 names_it 'sudo chown face-edge' || fail "$(show StatusText)"
off && timeout 60 mosquitto_sub -t 'face-edge/+/state' -C 1 >/dev/null || fail 'the page is served without its password'
waits 90 sh -c "timeout 5 mosquitto_sub -t 'face-edge/+/health' -C 1 | grep -q '\"failing\":\[\"kiosk\"\]'" || fail 'health does not say so'
[ "$(journalctl -u face-edge --since "@$now" -o cat --no-pager | grep -c 'operator.hash cannot be read')" = 1 ] || fail 'not one line'
is NRestarts 0 && is ActiveState active && ok || fail
step 'mended: the page is back, by itself'
before=$(pid); chown face-edge: "$hash_file"; started=$SECONDS
waits 90 serves 303 && [ "$(pid)" = "$before" ] && ! names_it '' && ok "$(took)" || fail

step 'nothing that root did in its folder belongs to root'
FACE_EDGE_KIOSK__TLS=self-signed face-edge kiosk certificate >"$log" 2>&1 || fail
[ -e /var/lib/face-edge/kiosk-tls.pem ] || fail 'the certificate is not the service'"'"'s'
code=0; face-edge retire >>"$log" 2>&1 || code=$?
[ $code = 9 ] || fail "retire does not notice the running device: exit code $code"
left=$(find /var/lib/face-edge /run/face-edge ! -user face-edge)
[ -z "$left" ] && ok || fail "$left"
printf '%s\n' "$kept_config" >/etc/face-edge/config.toml
systemctl restart face-edge
looks || fail
