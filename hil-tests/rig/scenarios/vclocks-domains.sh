# Two domains on one card, each on a virtual clock of its own: one ptpd serves both, another is a client of both.
# Ours only: ptp4l has one domain.
[ "$SIDE" = ours ] || exit 0
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
echo 2 >/sys/class/ptp/ptp1/n_vclocks
sleep 1
ls /sys/class/ptp /sys/class/ptp/ptp1
instance() { # FILE DOMAIN DEVICE MORE
    printf 'domain_number: %s\nstate_file: off\nmanagement: { socket: /run/two-%s, read_only_socket: off }\n%s\nports:\n  - interface: %s\n    transport: ethernet\n    stamping: hardware\n    log_announce_interval: -2\n    log_sync_interval: -3\n    log_min_delay_req_interval: -3\n' \
        "$2" "$3" "$4" "$3" >"$OUT/$1.yaml"
}
instance s0 0 rig0 'priority1: 100'
instance s1 1 rig0 'priority1: 100'
instance c0 0 rig1 'client_only: true
clock_device: phc2'
instance c1 1 rig1 'client_only: true
clock_device: phc3'
start server server ptpd -f "$OUT/s0.yaml" -f "$OUT/s1.yaml"
server=$LAST
start client client ptpd -f "$OUT/c0.yaml" -f "$OUT/c1.yaml"
sleep 40
alive "$server"
alive "$LAST"
for instance in c0 c1; do
    grep "$instance: .*UNCALIBRATED to SLAVE" "$OUT/client.log" || { echo "FAILED: $instance is no client"; exit 1; }
done
tail -n 40 "$OUT/client.log" | sed -n 's/.*master offset *\([-0-9]*\) .*/\1/p' >"$OUT/offsets"
awk '{ n++; if ($1 < -50 || $1 > 50) bad++ } END { print n, "offsets,", bad + 0, "beyond 50 ns"; exit bad > 2 || n < 10 }' \
    "$OUT/offsets" || { echo 'FAILED: large offsets'; exit 1; }
