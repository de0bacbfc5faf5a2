# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pmc_global_optspecs
    string join \n 2 4 6 u b= d/domainNumber= f= i= s/uds_address= t/transportSpecific= z json wait= sa_file= spp= active_key_id= allow_unauth= fleet= limit= target= v/version h/help
end

function __fish_pmc_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pmc_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pmc_using_subcommand
    set -l cmd (__fish_pmc_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pmc -n "__fish_pmc_needs_command" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_needs_command" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_needs_command" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_needs_command" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_needs_command" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_needs_command" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_needs_command" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_needs_command" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_needs_command" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_needs_command" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_needs_command" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_needs_command" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_needs_command" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_needs_command" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_needs_command" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_needs_command" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_needs_command" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_needs_command" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_needs_command" -s z -d 'GETs without data; by default they carry zeros'
complete -c pmc -n "__fish_pmc_needs_command" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_needs_command" -s v -l version -d 'Print version'
complete -c pmc -n "__fish_pmc_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_needs_command" -a "watch" -d 'Tell every change as it happens, after the present state'
complete -c pmc -n "__fish_pmc_needs_command" -a "top" -d 'Full-screen view of a clock'
complete -c pmc -n "__fish_pmc_needs_command" -a "explain" -d 'Why this grandmaster, and why these port states'
complete -c pmc -n "__fish_pmc_needs_command" -a "check" -d 'Check assertions about a clock; prints and ends as monitoring plugins do'
complete -c pmc -n "__fish_pmc_needs_command" -a "diff" -d 'Data sets of two clocks side by side'
complete -c pmc -n "__fish_pmc_needs_command" -a "report" -d 'What recorded measurements say: a page, the evidence for an auditor, the verification of a log'
complete -c pmc -n "__fish_pmc_needs_command" -a "performance" -d 'What a clock measured in each quarter of an hour of the last day'
complete -c pmc -n "__fish_pmc_needs_command" -a "slaves" -d 'Who tells this clock what it measures, and what it told'
complete -c pmc -n "__fish_pmc_needs_command" -a "nsm" -d 'Measure how far other clocks are off, without becoming their client (NetSync monitor)'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l interval -d 'Seconds between looks at what no notification tells' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l events -d 'Tell what the daemon tells by itself at this socket, its `events.socket`, instead of asking' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l duration -d 'End after so many seconds' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l offsets -d 'Tell every measured offset, too'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand top" -l interval -d 'Seconds between looks' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l print -d 'Print so many screens to the standard output, without colours, and end' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand top" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand top" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand top" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand top" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand top" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand top" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand top" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand top" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand check" -l warn -d 'Assertions that only warn' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand check" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand check" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand check" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand check" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand check" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand check" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand check" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand check" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l all -d 'Show equal fields, too'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l counters -d 'Show counters and measured values, too, which are never the same'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s o -l output -d 'Write an HTML page that stands alone' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand report" -l mask -d 'Hold the measurements against a mask: prtc-a, prtc-b (G.8272), class-a to class-d (G.8273.2), point-c (G.8271.1)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l day -d 'Only this day, UTC' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l from -d 'Only from this day or time on, such as 2026-11-20T08:00:00Z' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l to -d 'Only before this day or time' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l rts25 -d 'Account for every moment in which the divergence from UTC may have been more than this, such as 100us' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l asymmetry -d 'By how much asymmetry of the path can move the clock; without it, by all of the path delay' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l per-hop -d 'What each boundary clock on the way may add' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l contribution -d 'What else may add, such as \'application=2us\'' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l head -d 'The hash of a record that was noted elsewhere, such as in the journal: it must be there' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand report" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand report" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand report" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand report" -l verify -d 'Only verify that the logs are what was written'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand report" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l port -d 'Of this port: link delay and messages, instead of the clock\'s offset and path delay' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l between -d 'Only what lies in this time of day, UTC, such as 02:00-03:00' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand performance" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l records -d 'The newest records of every slave'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand slaves" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l delay-asymmetry -d 'How much longer the way from there to here is than the mean of both ways, ns' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s b -d 'How many boundary clocks requests pass (default 1; 0 for the tools, who ask one clock)' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s d -l domainNumber -d 'Domain number (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s f -d 'Configuration file of linuxptp: domainNumber, transportSpecific, network_transport, uds_address, sa_file, spp, active_key_id and allow_unauth of its global section' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s i -d 'Interface (default eth0); with -u the path of the own socket (default pmc.PID beside the server\'s)' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s s -l uds_address -d 'Server\'s UNIX socket (default: /var/run/ptp/ptp4l, /run/escapement/ptpd, /var/run/ptp4l, the first that exists)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s t -l transportSpecific -d 'majorSdoId (transportSpecific), hexadecimal, 0..=f: 1 for gPTP (default 0)' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l wait -d 'How long to wait for the first and for each further answer after the last command' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l sa_file -d 'Key file (linuxptp\'s security associations)' -r -F
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l spp -d 'Security association of the key file: requests are sealed, and answers over the network must be; -1: off' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l active_key_id -d 'The key that requests are sealed with; 0: none' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l allow_unauth -d '1: also take answers without AUTHENTICATION TLV; 2: all answers' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l fleet -d 'Ask all of these at once: sockets or identities with commas between, or @FILE with one a line (docs/pmc.md)' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l limit -d 'With --fleet: seconds that each member has for its answer' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l target -d 'Ask this clock or port only, such as 001122.fffe.334455' -r
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l hardware -d 'The network card\'s stamps and clock instead of the kernel\'s and CLOCK_REALTIME'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s 2 -d 'IEEE 802.3'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s 4 -d 'UDP over IPv4 (default)'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s 6 -d 'UDP over IPv6'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s u -d 'UNIX socket of a daemon on this host'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -l json -d 'One JSON object a line for every reply (docs/pmc-json.md)'
complete -c pmc -n "__fish_pmc_using_subcommand nsm" -s h -l help -d 'Print help (see more with \'--help\')'
