# A leap second is announced: phc-sync -a -r has the kernel insert it into CLOCK_REALTIME; the PHC beside it runs on.
trap 'finish; calm' EXIT
date -u -s '2026-12-31 23:58:40' >/dev/null
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
announce server 37 1 0
ptp client client client rig1
daemon=$LAST
case $SIDE in
    ours) start - sync phc-sync -a -r -z /run/ours-client -R 8 -m ;;
    theirs) start client sync phc2sys -a -r -z /run/theirs-client -R 8 -m ;;
esac
follower=$LAST
at '2026-12-31 23:59:30'
measure before 18 2
around insert phc 1
announce server 38 0 0
echo 38 >/sys/module/ptprig/parameters/utc_offset
sleep 15
measure after 18 2
alive "$daemon"
alive "$follower"
escapement-rig-check leap none
dmesg | grep 'inserting leap second' | tail -n 1
