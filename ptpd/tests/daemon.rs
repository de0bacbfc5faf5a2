//! The real daemon in namespaces of its own: start, reload, stop, and everything that may be missing or wrong.

mod namespaces;

use std::process::Command;

use namespaces::check;

#[test]
fn a_client_learns_keeps_its_frequency_and_starts_again_with_it() {
    check(
        r#"
        pair
        config a va 'clock_class: 6'
        config b vb 'client_only: true'
        $P -f $D/a.yaml 2> $D/a.log &
        $B $P -f $D/b.yaml 2> $D/b.log & PB=$!
        wait_for $D/b.log 'UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED'
        # Garbage and other people's packets do no harm.
        for port in 319 320; do
            for n in 1 2 20 43 44 63 64 200 1400; do head -c $n /dev/urandom > /dev/udp/10.0.0.2/$port; done
            printf '\x0b\x12\x00\x40' > /dev/udp/10.0.0.2/$port
        done
        sleep 1
        [ "$(ls /proc/$PB/task | wc -l)" = 1 ] || { echo 'more than one thread'; exit 1; }
        kill -TERM $PB
        for _ in $(seq 10); do kill -0 $PB 2>/dev/null || break; sleep 0.1; done
        kill -0 $PB 2>/dev/null && { echo 'still there a second after SIGTERM'; exit 1; }
        wait $PB || { echo "exit code $?"; exit 1; }
        grep -q '^frequency_ppb ' $D/b.state
        [ ! -e $D/b ] || { echo 'left its socket behind'; exit 1; }
        $B $P -f $D/b.yaml 2> $D/b2.log &
        wait_for $D/b2.log 'starts at the last known frequency'
        wait_for $D/b2.log 'to SLAVE'
        # A state file that is none is said and ignored.
        echo rubbish > $D/a.state
        config c va
        sed -i "s#state_file: .*#state_file: $D/a.state#" $D/c.yaml
        $P -f $D/c.yaml 2> $D/c.log & PC=$!
        wait_for $D/c.log 'a.state:1: not a state file'
        kill -INT $PC
        wait $PC
        "#,
    );
}

#[test]
fn a_missing_interface_is_waited_for_and_said_once() {
    check(
        r#"
        config a va 'clock_class: 6'
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        wait_for $D/a.log 'waiting for it to appear'
        sleep 2
        [ "$(grep -c 'waiting' $D/a.log)" = 1 ] || { echo 'said more than once'; cat $D/a.log; exit 1; }
        pair
        wait_for $D/a.log 'LISTENING to MASTER'
        # It goes, and comes back.
        ip link del va
        wait_for $D/a.log 'MASTER to FAULTY'
        pair
        wait_for $D/a.log 'FAULTY to INITIALIZING'
        [ "$(grep -c 'LISTENING to MASTER' $D/a.log)" -ge 1 ]
        kill -0 $PA
        "#,
    );
}

#[test]
fn a_reload_applies_what_it_can_and_names_the_rest() {
    check(
        r#"
        pair
        config a va 'clock_class: 6'
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        wait_for $D/a.log 'LISTENING to MASTER'
        sed -i 's/clock_class: 6/clock_class: 7\npriority2: 77\ndomain_number: 4\nudp_ttl: 3/' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'clock_class from 6 to 7'
        wait_for $D/a.log 'priority2 from 128 to 77'
        wait_for $D/a.log 'domain_number from 0 to 4 needs a restart'
        wait_for $D/a.log 'udp_ttl from 1 to 3 needs a restart'
        wait_for $D/a.log 'configuration reloaded'
        # Another number of ports is named, and the ports stay; what else is in the file is taken over.
        sed -i 's/priority2: 77/priority2: 78/; s/^ports:/ports:\n  - interface: lo/' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'lo: port added needs a restart'
        wait_for $D/a.log 'priority2 from 77 to 78'
        # The log's level is another at once.
        sed -i 's/level: debug/level: warn/' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'log.level from debug to warn'
        sed -i 's/priority2: 78/priority2: 79/; s/udp_ttl: 3/udp_ttl: 4/' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'udp_ttl from 1 to 4 needs a restart'
        ! grep -q 'priority2 from 78' $D/a.log
        # A bad file changes nothing and says why.
        echo 'priority1: 1000' >> $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'the configuration stays as it was'
        wait_for $D/a.log 'priority1'
        kill -0 $PA
        "#,
    );
}

#[test]
fn a_missing_privilege_is_named_with_the_way_to_give_it() {
    check(
        r#"
        pair
        config a va
        code=0
        setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all $P -f $D/a.yaml 2> $D/a.log || code=$?
        [ $code = 1 ] || { echo "exit code $code"; cat $D/a.log; exit 1; }
        grep -q 'CAP_NET_' $D/a.log
        grep -q 'setcap cap_net_' $D/a.log
        "#,
    );
}

#[test]
fn a_bad_configuration_starts_nothing() {
    let directory = std::env::temp_dir().join(format!("ptpd-bad-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("bad.yaml");
    std::fs::write(&file, "priorty1: 1\nports:\n  - interface: lo\n    log_sync_interval: 99\n")
        .expect("a file");
    for arguments in [vec!["-f"], vec!["check"]] {
        let o = Command::new(env!("CARGO_BIN_EXE_ptpd")).args(arguments).arg(&file).output().expect("runs");
        let text = String::from_utf8_lossy(&o.stderr);
        assert_eq!(o.status.code(), Some(2), "{text}");
        assert!(text.contains("did you mean `priority1`") && text.contains("bad.yaml:4"), "{text}");
    }
    let nothing = Command::new(env!("CARGO_BIN_EXE_ptpd")).output().expect("runs");
    assert_eq!(nothing.status.code(), Some(2));
    std::fs::remove_dir_all(directory).expect("remove");
}

#[test]
fn with_the_keys_a_client_follows_and_with_a_wrong_one_it_is_refused_and_refuses() {
    check(
        r#"
        pair
        key() { # name value
            printf '[security_association]\nspp 7\n1 SHA256-128 HEX:%s\n' $2 > $D/$1.keys
            chmod 600 $D/$1.keys
        }
        key a 00112233445566778899aabbccddeeff
        key b 00112233445566778899aabbccddeeff
        key c 00112233445566778899aabbccddeefe
        sealed() { printf 'authentication: { key_file: %s }\nspp: 7\nactive_key_id: 1\n%s' $D/$1.keys "$2"; }
        config a va "$(sealed a 'clock_class: 6')"
        config b vb "$(sealed b 'client_only: true')"
        config c vb "$(sealed c 'clock_class: 7')"
        if command -v tshark > /dev/null && command -v dumpcap > /dev/null; then
            dumpcap -q -i va -f 'udp port 319 or udp port 320' -w $D/wire.pcapng 2> $D/dumpcap.log & CAP=$!
            wait_for $D/dumpcap.log '^File:'
        else
            CAP=
            [ "${CI:-}" = true ] && { echo 'no tshark'; exit 1; }
            echo 'skipped: the dissection: no tshark'
        fi
        $P -f $D/a.yaml 2> $D/a.log &
        $B $P -f $D/b.yaml 2> $D/b.log & PB=$!
        wait_for $D/b.log 'UNCALIBRATED to SLAVE'
        grep -q 'refused a message' $D/a.log $D/b.log && { cat $D/a.log $D/b.log; exit 1; }
        kill -TERM $PB; wait $PB
        # One bit of the key is wrong: each counts the other's messages and follows nobody.
        $B $P -f $D/c.yaml 2> $D/c.log & PC=$!
        wait_for $D/c.log 'refused a message of .*: bad_icv (8 so far)'
        wait_for $D/c.log 'to MASTER'
        wait_for $D/a.log 'refused a message of .*: bad_icv (8 so far)'
        grep -q 'to UNCALIBRATED' $D/c.log && { echo 'it followed'; cat $D/c.log; exit 1; }
        grep -q 'MASTER to' $D/a.log && { echo 'it gave way'; cat $D/a.log; exit 1; }
        kill -TERM $PC; wait $PC
        if [ -n "$CAP" ]; then
            sleep 1.1 # dumpcap learns of packets in batches.
            kill -INT $CAP; wait $CAP || true
            tshark -n -r $D/wire.pcapng -Y 'ptp.v2.messagetype == 0xb' -T fields \
                -e ptp.v2.an.tlvType -e ptp.v2.an.tlv.data > $D/announced 2> /dev/null
            [ "$(wc -l < $D/announced)" -ge 8 ] || { echo 'few Announces'; cat $D/announced; exit 1; }
            # AUTHENTICATION (0x8009, 32777) with SPP 7, no optional fields, keyID 1.
            if grep -v -E '^(0x8009|32777)[[:space:]]+0700:?0*:?' $D/announced; then echo 'not sealed'; exit 1; fi
        fi
        "#,
    );
}

#[test]
fn a_time_zone_is_read_and_told() {
    if !std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no tzdata");
        println!("skipped: no tzdata");
        return;
    }
    check(
        r#"
        pair
        config a va 'clock_class: 6
alternate_time_offsets: [ 3 Asia/Tokyo, 4 Nowhere/Land ]'
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        wait_for $D/a.log 'time zone Nowhere/Land is not announced'
        wait_for $D/a.log 'time zone JST (key 3): 32363 s, then +0 s at 0 s'
        sed -i 's#Asia/Tokyo#Asia/Kolkata#' $D/a.yaml
        kill -HUP $PA
        wait_for $D/a.log 'time zone IST (key 3): 19763 s'
        "#,
    );
}
