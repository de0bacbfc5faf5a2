# One PHC's periodic output is wired to another's input: the second follows the first.
load pairs=1
knob phc1/ppb 8000
knob phc1/step 40000000
knob phc1/extts0 0
case $SIDE in
    ours)
        echo '0 0 0 1 0' >/sys/class/ptp/ptp0/period
        # Time of day comes from the receiver's sentences; its pulses are not wired.
        sentences
        start - ts2phc ts2phc --nmea /tmp/gnss -c phc1 --channel 0 --utc-offset 37
        ;;
    theirs)
        {
            printf '[global]\nts2phc.pulsewidth 500000000\n'
            printf '[/dev/ptp0]\nts2phc.master 1\nts2phc.channel 0\nts2phc.pin_index 2\n'
            printf '[/dev/ptp1]\nts2phc.channel 0\nts2phc.extts_polarity rising\n'
        } >"$OUT/ts2phc.cfg"
        start - ts2phc ts2phc-theirs -f "$OUT/ts2phc.cfg" -m -q
        ;;
esac
settle 60
measure phc 60 1
alive "$LAST"
