# A PHC after a GNSS receiver, while it answers EBUSY to every tenth call.
load pairs=1
knob phc0/ppb 3000
gnss 0
grandmaster 0
settle 90
knob phc0/busy_ppm 100000
measure busy 60 0
knob phc0/busy_ppm 0
echo "refused $(cat "$RIG/phc0/refused")"
alive "$LAST"
