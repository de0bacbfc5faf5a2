# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ts2phc_global_optspecs
    string join \n nmea= system-time source-clock= baud= c/clock= check-nmea count= channel= pin= pps= edge= rate= width= cable-delay= sentence-names= sentence-delay= time-holdover= utc-offset= leap-file= min-satellites= moving witness= announce= domain= profile= grace= in-spec= agree-within= state= servo= step-threshold= first-step-threshold= free-running log-level= set= f= check h/help V/version
end

function __fish_ts2phc_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ts2phc_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ts2phc_using_subcommand
    set -l cmd (__fish_ts2phc_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ts2phc -n "__fish_ts2phc_needs_command" -l nmea -d 'A receiver: a serial line, a pipe or file, tcp:HOST:PORT, or gpsd[:HOST[:PORT]][:/dev/NAME]' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l source-clock -d 'A PTP hardware clock that is right; it makes the pulses on its output 0' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l baud -d 'The serial line\'s speed' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -s c -l clock -d 'A clock: phc0, /dev/ptp0, virtual:PATH, or the name of a network interface; the first one\'s state is told' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l count -d 'With --check-nmea: end after so many times' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l channel -d 'The clocks\' channel that stamps the pulses' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l pin -d 'The clocks\' pin that the pulses arrive at, by number or name; without it, the pins stay as they are' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l pps -d 'The pulses are stamped by the kernel on this device, not by the clock' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l edge -d 'The pulses\' edge; both: the clock stamps both, and the other one is told apart and dropped' -r -f -a "rising\t''
falling\t''
both\t''"
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l rate -d 'Pulses per second' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l width -d 'How wide the pulses are, as 100ms' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l cable-delay -d 'How late the pulses arrive, as 52ns or 0.4us; may be negative' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l sentence-names -d 'Which pulse a sentence names' -r -f -a "previous\t'The one before it: most receivers'
next\t'The one after it'"
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l sentence-delay -d 'How late sentences come after their second; for more than one pulse per second, or if it is later than a second' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l time-holdover -d 'For so many seconds without time of day, go on by the pulses alone' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l utc-offset -d 'TAI - UTC in seconds, in place of the list of leap seconds' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l leap-file -d 'The list of leap seconds, as IERS or tzdata publish it; without it, the system\'s' -r -F
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l min-satellites -d 'Fewer satellites than this are too few' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l witness -d 'Somebody else who knows the time: ntp:SOCKET, ntp:HOST:PORT (chronyd), ptp:SOCKET (a client of another grandmaster), clock:NAME' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l announce -d 'Tell the lock state to the PTP daemon behind this management socket' -r -F
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l domain -d 'That daemon\'s domainNumber' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l profile -d 'Whose clockClasses are told: default, default-b, telecom, telecom-category1, telecom-category2, frequency, frequency-option2' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l grace -d 'A pulse that is later than this is lost' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l in-spec -d 'In holdover the error is within specification up to this bound' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l agree-within -d 'Further off than the error can be and this, pulses are not followed' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l state -d 'Keep what is learnt of the oscillators in this file' -r -F
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l servo -d 'Which servo steers' -r -f -a "adaptive\t'The one that learns'
pi\t'PI, with linuxptp\'s parameters'"
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l step-threshold -d 'Step the clock later, too, when it is further off than this; 0ns: never' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l first-step-threshold -d 'Step the clock at the beginning when it is further off than this; 0ns: never' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l log-level -d 'What is logged, to standard error' -r -f -a "error\t''
warn\t''
info\t''
debug\t''"
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l set -d 'A key of ts2phc.yaml(5) that has no option of its own, like --set metrics.listen=127.0.0.1:9322' -r
complete -c ts2phc -n "__fish_ts2phc_needs_command" -s f -d 'The configuration file' -r -F
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l system-time -d 'The system clock'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l check-nmea -d 'Touch no clock: print the times that come, and how late they are by the system clock'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l moving -d 'The antenna moves: its position is not watched'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l free-running -d 'Only measure the clock'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -l check -d 'Check the file, and end'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -s V -l version -d 'Print version'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -f -a "check" -d 'Checks files, says everything that is wrong, and ends'
complete -c ts2phc -n "__fish_ts2phc_needs_command" -f -a "config" -d 'Prints every value that is in force and where it comes from'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand check" -s h -l help -d 'Print help'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand check" -s V -l version -d 'Print version'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -s f -d 'The configuration file' -r -F
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -l set -d 'A key of the file, like --set log_parts=servo=warn; it goes before the file\'s' -r
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -l effective -d 'Accepted for clarity: this is what it does without --schema'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -l schema -d 'Print the JSON Schema of the configuration instead, for an editor\'s completion'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -s h -l help -d 'Print help'
complete -c ts2phc -n "__fish_ts2phc_using_subcommand config" -s V -l version -d 'Print version'
