# The client's oscillator jumps by 300 ppb: a cold draught.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1
settle 40
measure before 30 1
knob phc1/ppb 8300
measure jump 45 1
measure after 30 1
alive "$LAST"
