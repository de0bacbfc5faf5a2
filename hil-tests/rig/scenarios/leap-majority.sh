# A leap second, announced by two of three instances; the third announces none and a false UTC offset. The kernel inserts it.
trap 'finish; calm' EXIT
[ "$SIDE" = ours ] || absent 'linuxptp follows the first of several'
date -u -s '2026-12-31 23:58:40' >/dev/null
load pairs=3
for i in 0 1 2; do
    host "server$i" "rig$((2 * i))"
    host "client$i" "rig$((2 * i + 1))"
    ptp "server$i" "server$i" server "rig$((2 * i))"
done
announce server0 30 0 0
announce server1 37 1 0
announce server2 37 1 0
text='system_clock: sink\nrate: 8\nselection: intersection\nsource_error: 1 us\ninstances:\n'
for i in 0 1 2; do
    ptp "client$i" "client$i" client "rig$((2 * i + 1))"
    text="$text  - {socket: /run/ours-client$i, clock: phc$((2 * i + 1))}\n"
done
printf "$text" >"$OUT/sync.yaml"
start - sync phc-sync -f "$OUT/sync.yaml" -m
follower=$LAST
at '2026-12-31 23:59:30'
measure before 18 6
around insert phc 1
for i in 1 2; do announce "server$i" 38 0 0; done
echo 38 >/sys/module/ptprig/parameters/utc_offset
sleep 15
measure after 18 6
alive "$follower"
escapement-rig-check leap none
dmesg | grep 'inserting leap second' | tail -n 1
grep falseticker "$OUT/sync.log"
