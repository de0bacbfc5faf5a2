complete -c ts2phc -l nmea -d 'A receiver: a serial line, a pipe or file, tcp:HOST:PORT, or gpsd[:HOST[:PORT]]' -r
complete -c ts2phc -l source-clock -d 'A PTP hardware clock that is right; it makes the pulses on its output 0' -r
complete -c ts2phc -l baud -d 'The serial line\'s speed' -r
complete -c ts2phc -s c -l clock -d 'A clock: phc0, /dev/ptp0, virtual:PATH, or the name of a network interface; the first one\'s state is told' -r
complete -c ts2phc -l count -d 'With --check-nmea: end after so many times' -r
complete -c ts2phc -l channel -d 'The clocks\' channel that stamps the pulses' -r
complete -c ts2phc -l pin -d 'The clocks\' pin that the pulses arrive at, by number or name; without it, the pins stay as they are' -r
complete -c ts2phc -l pps -d 'The pulses are stamped by the kernel on this device, not by the clock' -r
complete -c ts2phc -l edge -d 'The pulses\' edge; both: the clock stamps both, and the other one is told apart and dropped' -r -f -a "rising\t''
falling\t''
both\t''"
complete -c ts2phc -l rate -d 'Pulses per second' -r
complete -c ts2phc -l width -d 'How wide the pulses are, as 100ms' -r
complete -c ts2phc -l cable-delay -d 'How late the pulses arrive, as 52ns or 0.4us; may be negative' -r
complete -c ts2phc -l sentence-names -d 'Which pulse a sentence names' -r -f -a "previous\t'The one before it: most receivers'
next\t'The one after it'"
complete -c ts2phc -l sentence-delay -d 'How late sentences come after their second; for more than one pulse per second, or if it is later than a second' -r
complete -c ts2phc -l time-holdover -d 'For so many seconds without time of day, go on by the pulses alone' -r
complete -c ts2phc -l utc-offset -d 'TAI - UTC in seconds, in place of the list of leap seconds' -r
complete -c ts2phc -l leap-file -d 'The list of leap seconds, as IERS or tzdata publish it; without it, the system\'s' -r -F
complete -c ts2phc -l min-satellites -d 'Fewer satellites than this are too few' -r
complete -c ts2phc -l witness -d 'Somebody else who knows the time: ntp:SOCKET, ntp:HOST:PORT (chronyd), ptp:SOCKET (a client of another grandmaster), clock:NAME' -r
complete -c ts2phc -l announce -d 'Tell the lock state to the PTP daemon behind this management socket' -r -F
complete -c ts2phc -l domain -d 'That daemon\'s domainNumber' -r
complete -c ts2phc -l profile -d 'Whose clockClasses are told: default, default-b, telecom, telecom-category1, telecom-category2' -r
complete -c ts2phc -l grace -d 'A pulse that is later than this is lost' -r
complete -c ts2phc -l in-spec -d 'In holdover the error is within specification up to this bound' -r
complete -c ts2phc -l agree-within -d 'Further off than the error can be and this, pulses are not followed' -r
complete -c ts2phc -l state -d 'Keep what is learnt of the oscillators in this file' -r -F
complete -c ts2phc -l servo -d 'Which servo steers' -r -f -a "adaptive\t'The one that learns'
pi\t'PI, with linuxptp\'s parameters'"
complete -c ts2phc -l step-threshold -d 'Step the clock later, too, when it is further off than this; 0ns: never' -r
complete -c ts2phc -l first-step-threshold -d 'Step the clock at the beginning when it is further off than this; 0ns: never' -r
complete -c ts2phc -l log-level -d 'What is logged, to standard error' -r -f -a "error\t''
warn\t''
info\t''
debug\t''"
complete -c ts2phc -s f -d 'Do what the file says' -r -F
complete -c ts2phc -l system-time -d 'The system clock'
complete -c ts2phc -l check-nmea -d 'Touch no clock: print the times that come, and how late they are by the system clock'
complete -c ts2phc -l moving -d 'The antenna moves: its position is not watched'
complete -c ts2phc -l free-running -d 'Only measure the clock'
complete -c ts2phc -l check -d 'Check the file, and end'
complete -c ts2phc -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ts2phc -s V -l version -d 'Print version'
