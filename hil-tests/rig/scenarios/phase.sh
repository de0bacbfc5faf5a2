# Once the state is stable the card's own phase control takes the offsets (ADJ_OFFSET), and its frequency is left alone.
load pairs=1
host server rig0
host client rig1
knob phc1/ppb 8000
ptp server server server rig0
ptp client client client rig1 \
    more='servo: { kind: pi, phase_adjustment: true, offset_threshold: 100ns, num_offset_values: 10 }' \
    theirs="$(printf 'write_phase_mode 1\nservo_offset_threshold 100\nservo_num_offset_values 10')"
settle 60
measure client 60 1
alive "$LAST"
echo "phases $(cat "$RIG/phc1/phases")"
