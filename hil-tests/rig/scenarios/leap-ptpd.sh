# A negative leap second is announced: ptpd, whose clock is CLOCK_REALTIME by software stamps, has the kernel delete it (kernel_leap).
trap 'finish; calm' EXIT
date -u -s '2026-12-31 23:58:40' >/dev/null
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
announce server 37 0 1
ptp client client client rig1 stamps=software
daemon=$LAST
at '2026-12-31 23:59:30'
measure before 18 2
around delete master 0
announce server 36 0 0
echo 36 >/sys/module/ptprig/parameters/utc_offset
sleep 15
measure after 18 2
alive "$daemon"
escapement-rig-check leap none
dmesg | grep 'deleting leap second' | tail -n 1
