# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ptpd_global_optspecs
    string join \n f/config= i/interface= profile= s/client-only S/software H/hardware 2/ethernet 4/udp4 6/udp6 E/e2e P/p2p clock= free-running set= m/stdout l/log-level= h/help V/version
end

function __fish_ptpd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ptpd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ptpd_using_subcommand
    set -l cmd (__fish_ptpd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ptpd -n "__fish_ptpd_needs_command" -s f -s c -l config -d 'Configuration file (YAML); of several each is an instance of its own' -r -F
complete -c ptpd -n "__fish_ptpd_needs_command" -s i -l interface -d 'An interface to run on; several make a boundary clock' -r
complete -c ptpd -n "__fish_ptpd_needs_command" -l profile -d 'The profile, instead of the file\'s' -r
complete -c ptpd -n "__fish_ptpd_needs_command" -l clock -d 'The clock to discipline: auto, system, phcN or virtual:PATH' -r
complete -c ptpd -n "__fish_ptpd_needs_command" -l set -d 'Any other key of the configuration, like `--set priority1=10`' -r
complete -c ptpd -n "__fish_ptpd_needs_command" -s l -l log-level -d 'Least severe level that is logged: error, warn, info, debug or trace' -r
complete -c ptpd -n "__fish_ptpd_needs_command" -s s -l client-only -d 'Only ever a client'
complete -c ptpd -n "__fish_ptpd_needs_command" -s S -l software -d 'Software stamps'
complete -c ptpd -n "__fish_ptpd_needs_command" -s H -l hardware -d 'Hardware stamps'
complete -c ptpd -n "__fish_ptpd_needs_command" -s 2 -l ethernet -d 'IEEE 802.3 (Ethernet)'
complete -c ptpd -n "__fish_ptpd_needs_command" -s 4 -l udp4 -d 'UDP/IPv4 (the default)'
complete -c ptpd -n "__fish_ptpd_needs_command" -s 6 -l udp6 -d 'UDP/IPv6'
complete -c ptpd -n "__fish_ptpd_needs_command" -s E -l e2e -d 'Delay request-response (the default)'
complete -c ptpd -n "__fish_ptpd_needs_command" -s P -l p2p -d 'Peer-to-peer delay'
complete -c ptpd -n "__fish_ptpd_needs_command" -l free-running -d 'Only measure'
complete -c ptpd -n "__fish_ptpd_needs_command" -s m -l stdout -d 'Log to standard output instead of standard error'
complete -c ptpd -n "__fish_ptpd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptpd -n "__fish_ptpd_needs_command" -s V -l version -d 'Print version'
complete -c ptpd -n "__fish_ptpd_needs_command" -f -a "check" -d 'Check a configuration and say everything that is wrong with it, without running'
complete -c ptpd -n "__fish_ptpd_needs_command" -f -a "convert" -d 'Write the YAML equivalent of a configuration file of linuxptp to standard output'
complete -c ptpd -n "__fish_ptpd_needs_command" -f -a "stamping" -d 'Tell how a network card stamps, and what it can; or set it (PTP daemons do that by themselves)'
complete -c ptpd -n "__fish_ptpd_needs_command" -f -a "config" -d 'Print every value that is in force and where it comes from'
complete -c ptpd -n "__fish_ptpd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ptpd -n "__fish_ptpd_using_subcommand check" -s h -l help -d 'Print help'
complete -c ptpd -n "__fish_ptpd_using_subcommand convert" -s i -l interface -d 'An interface that the file has no section for' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand convert" -s h -l help -d 'Print help'
complete -c ptpd -n "__fish_ptpd_using_subcommand stamping" -s i -l interface -d 'The network interface' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand stamping" -s t -l transmit -d 'What is stamped of that which is sent: off, on, onestep-sync, onestep-p2p' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand stamping" -s r -l receive -d 'What is stamped of that which is received: none, all, ptpv2-event, ptpv2-l2-event, ptpv2-l4-event, ...' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand stamping" -s h -l help -d 'Print help'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s f -s c -l config -d 'Configuration file (YAML); of several each is an instance of its own' -r -F
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s i -l interface -d 'An interface to run on; several make a boundary clock' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l profile -d 'The profile, instead of the file\'s' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l clock -d 'The clock to discipline: auto, system, phcN or virtual:PATH' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l set -d 'Any other key of the configuration, like `--set priority1=10`' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s l -l log-level -d 'Least severe level that is logged: error, warn, info, debug or trace' -r
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l effective -d 'Accepted for clarity: this is what it does without --schema'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l schema -d 'Print the JSON Schema of the configuration instead, for an editor\'s completion'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s s -l client-only -d 'Only ever a client'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s S -l software -d 'Software stamps'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s H -l hardware -d 'Hardware stamps'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s 2 -l ethernet -d 'IEEE 802.3 (Ethernet)'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s 4 -l udp4 -d 'UDP/IPv4 (the default)'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s 6 -l udp6 -d 'UDP/IPv6'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s E -l e2e -d 'Delay request-response (the default)'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s P -l p2p -d 'Peer-to-peer delay'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -l free-running -d 'Only measure'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s m -l stdout -d 'Log to standard output instead of standard error'
complete -c ptpd -n "__fish_ptpd_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptpd -n "__fish_ptpd_using_subcommand help; and not __fish_seen_subcommand_from check convert stamping config help" -f -a "check" -d 'Check a configuration and say everything that is wrong with it, without running'
complete -c ptpd -n "__fish_ptpd_using_subcommand help; and not __fish_seen_subcommand_from check convert stamping config help" -f -a "convert" -d 'Write the YAML equivalent of a configuration file of linuxptp to standard output'
complete -c ptpd -n "__fish_ptpd_using_subcommand help; and not __fish_seen_subcommand_from check convert stamping config help" -f -a "stamping" -d 'Tell how a network card stamps, and what it can; or set it (PTP daemons do that by themselves)'
complete -c ptpd -n "__fish_ptpd_using_subcommand help; and not __fish_seen_subcommand_from check convert stamping config help" -f -a "config" -d 'Print every value that is in force and where it comes from'
complete -c ptpd -n "__fish_ptpd_using_subcommand help; and not __fish_seen_subcommand_from check convert stamping config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
