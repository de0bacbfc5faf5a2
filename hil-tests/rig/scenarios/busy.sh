# The client's PHC answers EBUSY to every fiftieth call.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1
settle 40
knob phc1/busy_ppm 20000
measure client 60 1
alive "$LAST"
until [ "$(cat "$RIG/phc1/refused")" -ge 2 ]; do alive "$LAST"; sleep 1; done
echo "refused $(cat "$RIG/phc1/refused")"
