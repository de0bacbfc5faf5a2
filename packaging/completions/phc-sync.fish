# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_phc_sync_global_optspecs
    string join \n f= check a r z= n= C= s= c= d= O= w N= R= E= M= sock= P= I= S= F= L= u= x free-running error-bound-page= m q l= set= t= h/help V/version
end

function __fish_phc_sync_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_phc_sync_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_phc_sync_using_subcommand
    set -l cmd (__fish_phc_sync_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c phc-sync -n "__fish_phc_sync_needs_command" -s f -d 'Do what this file says; options given besides go before it' -r -F
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s z -d 'The socket of a PTP instance; repeat for more, the most trusted first' -r -F
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s n -d 'The domain number of the instance with the same place in the list; the last one counts for the rest' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s C -d 'What is meant by the system clock' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s s -d 'The clock that is right' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s c -d 'A clock to be steered; may be given several times, up to 128. Default: the system clock; with -a: none beside the ports\'' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s d -d 'Pulses that the kernel stamps; -s tells the seconds' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s O -d 'What the sink shall be ahead of the source; for the system clock after a PHC on TAI: -37' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s N -d 'Readings per measurement, of which the quickest counts. Default 5' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s R -d 'Measurements per second. Default 1' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s E -d 'The servo: pi, linreg, adaptive; or where to measurements go instead: ntpshm, refclock_sock. Default pi' -r -f -a "pi\t''
linreg\t''
adaptive\t''
ntpshm\t''
refclock_sock\t''"
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s M -d 'The unit of shared memory for -E ntpshm' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -l sock -d 'chronyd\'s socket for -E refclock_sock' -r -F
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s P -d 'The controller\'s proportional gain; 0: computed from the rate. Default 0.7' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s I -d 'The controller\'s integral gain; 0: computed from the rate. Default 0.3' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s S -d 'Step away any offset larger than this many seconds; 0: never. Default 0' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s F -d 'Step away an offset larger than this many seconds at the start; 0: never. Default 0.00002' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s L -d 'A clock that runs faster or slower than this many ppb is not believed; 0: never checked. Default 200000000' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s u -d 'One summary line for so many measurements instead of a line for each; 0: a line for each' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -l error-bound-page -d 'Tell applications how far off the clock may be, on this page of shared memory' -r -F
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s l -d 'How much is logged: 3 errors, 4 warnings, 6 all, 7 what developers want. Default 6' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -l set -d 'Any other key of the file, like --set log_parts=servo=warn' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s t -d 'Put into every line' -r
complete -c phc-sync -n "__fish_phc_sync_needs_command" -l check -d 'Check the file and the options, and end'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s a -d 'Follow the PTP instance: sources and sinks by the states of its ports'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s r -d 'With -a: steer the system clock, too; twice: it is the source where no port is a slave'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s w -d 'Wait for the PTP instance, and take UTC\'s offset from it'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s x -d 'Leap seconds by the servo instead of the kernel'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -l free-running -l free_running -d 'Measure only, steer nothing'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s m -d 'Write messages to standard output instead of standard error'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s q -d 'Accepted and without effect: nothing goes to the system log'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -s V -l version -d 'Print version'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -f -a "wait" -d 'Waits until the system clock is known to be right within a bound'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -f -a "chrony" -d 'chronyd fed from several PTP domains: writes its configuration, and feeds it'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -f -a "check" -d 'Checks files, says everything that is wrong, and ends'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -f -a "config" -d 'Prints every value that is in force and where it comes from'
complete -c phc-sync -n "__fish_phc_sync_needs_command" -f -a "clock" -d 'Reads, sets and compares a clock'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -l within -d 'The largest error, such as 1us' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -l timeout -d 'No longer than this; without it for ever' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -l page -d 'The page' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -s q -d 'Say nothing'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand wait" -s V -l version -d 'Print version'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s f -d 'The instances of this phc-sync.yaml' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s z -d 'The socket of a PTP instance; repeat for more' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -l directory -d 'Where chronyd makes its sockets' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -l delay -d 'The delay to tell chronyd instead of the measured one: half of it counts as error' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s R -d 'Measurements per second' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s O -d 'What the system clock shall be ahead of the sources, s; without it UTC by what the instances announce' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -l serve -d 'Feed chronyd instead of printing'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand chrony" -s V -l version -d 'Print version'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand check" -s h -l help -d 'Print help'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand check" -s V -l version -d 'Print version'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s f -d 'Do what this file says; options given besides go before it' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s z -d 'The socket of a PTP instance; repeat for more, the most trusted first' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s n -d 'The domain number of the instance with the same place in the list; the last one counts for the rest' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s C -d 'What is meant by the system clock' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s s -d 'The clock that is right' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s c -d 'A clock to be steered; may be given several times, up to 128. Default: the system clock; with -a: none beside the ports\'' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s d -d 'Pulses that the kernel stamps; -s tells the seconds' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s O -d 'What the sink shall be ahead of the source; for the system clock after a PHC on TAI: -37' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s N -d 'Readings per measurement, of which the quickest counts. Default 5' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s R -d 'Measurements per second. Default 1' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s E -d 'The servo: pi, linreg, adaptive; or where to measurements go instead: ntpshm, refclock_sock. Default pi' -r -f -a "pi\t''
linreg\t''
adaptive\t''
ntpshm\t''
refclock_sock\t''"
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s M -d 'The unit of shared memory for -E ntpshm' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l sock -d 'chronyd\'s socket for -E refclock_sock' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s P -d 'The controller\'s proportional gain; 0: computed from the rate. Default 0.7' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s I -d 'The controller\'s integral gain; 0: computed from the rate. Default 0.3' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s S -d 'Step away any offset larger than this many seconds; 0: never. Default 0' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s F -d 'Step away an offset larger than this many seconds at the start; 0: never. Default 0.00002' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s L -d 'A clock that runs faster or slower than this many ppb is not believed; 0: never checked. Default 200000000' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s u -d 'One summary line for so many measurements instead of a line for each; 0: a line for each' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l error-bound-page -d 'Tell applications how far off the clock may be, on this page of shared memory' -r -F
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s l -d 'How much is logged: 3 errors, 4 warnings, 6 all, 7 what developers want. Default 6' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l set -d 'Any other key of the file, like --set log_parts=servo=warn' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s t -d 'Put into every line' -r
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l effective -d 'Accepted for clarity: this is what it does without --schema'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l schema -d 'Print the JSON Schema of the configuration instead, for an editor\'s completion'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l check -d 'Check the file and the options, and end'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s a -d 'Follow the PTP instance: sources and sinks by the states of its ports'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s r -d 'With -a: steer the system clock, too; twice: it is the source where no port is a slave'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s w -d 'Wait for the PTP instance, and take UTC\'s offset from it'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s x -d 'Leap seconds by the servo instead of the kernel'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -l free-running -l free_running -d 'Measure only, steer nothing'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s m -d 'Write messages to standard output instead of standard error'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s q -d 'Accepted and without effect: nothing goes to the system log'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand config" -s V -l version -d 'Print version'
complete -c phc-sync -n "__fish_phc_sync_using_subcommand clock" -s h -l help -d 'Print help'
