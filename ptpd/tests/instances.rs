//! Several instances in one daemon, in namespaces of their own.

mod namespaces;

use namespaces::check;

/// A grandmaster of two domains on one interface; a client of both on another, where the first keeps the clock and the
/// second measures with it. Sockets, management and clock are shared.
#[test]
fn two_domains_share_an_interface_its_sockets_and_the_clock() {
    check(
        r#"
        pair
        two() { # name interface extra: two files of one daemon
            for d in 4 9; do
                printf 'domain_number: %s\nclock_device: "virtual:%s"\nstate_file: %s\nmanagement: { socket: %s, read_only_socket: %s }\n%s\n%s\nports:\n  - interface: %s\n' \
                    $d "$D/$1.clock" "$D/$1.state" "$D/$1" "$D/$1-ro" "$fast" "$3" "$2" > "$D/$1-$d.yaml"
            done
        }
        two a va 'clock_class: 6'
        two b vb 'client_only: true'
        $P check $D/b-4.yaml $D/b-9.yaml
        $P -f $D/a-4.yaml -f $D/a-9.yaml 2> $D/a.log &
        $B $P -f $D/b-4.yaml -c $D/b-9.yaml 2> $D/b.log & PB=$!
        wait_for $D/b.log 'b-4: .*UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED'
        wait_for $D/b.log 'b-9: .*UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED'
        wait_for $D/b.log 'b-9: b-4 disciplines virtual:.*: this instance only measures'
        # One set of sockets: three of UDP, one of netlink, two of management make six; then the clock's file.
        event=$($B ss -Hlnu 'sport = :319' | wc -l)
        [ "$event" = 1 ] || { echo "$event event sockets"; $B ss -lnu; exit 1; }
        # One management socket: the message's domain says who is asked.
        pmc=$(PATH=$PATH:/usr/sbin command -v pmc || true)
        if [ -n "$pmc" ]; then
            for d in 4 9 5; do
                $pmc -u -b 0 -d $d -s $D/b -i $D/pmc$d 'GET DOMAIN' > $D/pmc.log
                case $d in 5) ! grep -q domainNumber $D/pmc.log ;; *) grep -q "domainNumber *$d" $D/pmc.log ;; esac ||
                    { cat $D/pmc.log; exit 1; }
            done
        else
            [ "${CI:-}" != true ] || { echo "linuxptp's pmc is missing"; exit 1; }
        fi
        [ "$(ls /proc/$PB/task | wc -l)" = 1 ] || { echo 'more than one thread'; exit 1; }
        sleep 2
        # Both measure the same clock, which only one steers: the other's offsets become small, too.
        grep -q 'b-9: master offset .* measured only' $D/b.log || grep -q 'b-9: .*rms' $D/b.log || { cat $D/b.log; exit 1; }
        kill -HUP $PB
        wait_for $D/b.log 'configuration reloaded'
        kill -TERM $PB; wait $PB || { echo "exit code $?"; exit 1; }
        [ -e $D/b.state ] || { echo 'no state'; exit 1; }
        [ ! -e $D/b.state.b-9 ] || { echo 'one that only measures has nothing to keep'; exit 1; }
        "#,
    );
}

#[test]
fn what_cannot_run_together_is_refused_by_check_and_at_start() {
    check(
        r#"
        pair
        config a va 'free_running: false'
        config b va 'free_running: false'
        both() { # text: neither starts
            for do in "check $D/a.yaml $D/b.yaml" "-f $D/a.yaml -f $D/b.yaml"; do
                code=0; timeout 20 $P $do 2> $D/log || code=$?
                [ $code = 2 ] || { echo "$do: code $code"; cat $D/log; exit 1; }
                grep -q -- "$1" $D/log || { echo "$do: no '$1'"; cat $D/log; exit 1; }
            done
        }
        both 'both have a port on va in domain 0'
        sed -i 's/^ports:/domain_number: 7\nports:/; s/b-ro/a-ro/' $D/b.yaml
        both 'share one management socket, but not the other'
        sed -i 's/a-ro/b-ro/; s/b.clock/a.clock/' $D/b.yaml
        both 'both told to steer virtual:.*a.clock'
        sed -i 's/interface: va/interface: va\n    udp_ttl: 3/' $D/b.yaml
        both 'share va, so udp_ttl has to be the same'
        code=0; $P check $D/a.yaml $D/none.yaml 2> $D/log || code=$?
        [ $code = 2 ] && grep -q 'none.yaml' $D/log
        code=0; $P -f $D/a.yaml -f $D/b.yaml -i va 2> $D/log || code=$?
        [ $code = 2 ] && grep -q 'each says its own interfaces' $D/log
        "#,
    );
}

/// A boundary clock whose ports have a clock each, both far off and of different frequency: the client port's follows the
/// master, the other one follows that, and serves only then. When the client side is cut and the master is heard on the
/// other side, that port's clock is the source without a step.
#[test]
fn a_boundary_clock_keeps_the_clocks_of_its_ports_together() {
    check(
        r#"
        pair
        ip link add vc type veth peer name vd; ip link set vd netns $N
        ip addr add 10.0.1.1/24 dev vc; ip link set vc up
        $B ip addr add 10.0.1.2/24 dev vd; $B ip link set vd up
        config a va 'clock_class: 6'
        config c vc 'priority1: 200'
        printf 'state_file: off\nmanagement: { socket: %s, read_only_socket: off }\n%s\nports:\n' $D/b "$fast" > $D/b.yaml
        for i in vb vd; do printf '  - { interface: %s, port_clock: "virtual:%s/%s.clock" }\n' $i $D $i >> $D/b.yaml; done
        $P check $D/b.yaml
        $P -f $D/a.yaml 2> $D/a.log & PA=$!
        $B $P -f $D/b.yaml 2> $D/b.log & PB=$!
        wait_for $D/b.log 'port 1 (vb): UNCALIBRATED to SLAVE'
        wait_for $D/b.log "virtual:$D/vd.clock is aligned with virtual:$D/vb.clock"
        $P -f $D/c.yaml 2> $D/c.log & PC=$!
        wait_for $D/c.log 'UNCALIBRATED to SLAVE'
        # The master moves to the other side.
        sed -i 's/priority1: 200/priority1: 100\nclock_class: 6/' $D/c.yaml
        kill $PA; kill -HUP $PC
        wait_for $D/b.log 'port 2 (vd): UNCALIBRATED to SLAVE'
        wait_for $D/b.log "disciplines virtual:$D/vd.clock instead of virtual:$D/vb.clock from here on"
        sed -n '/from here on/,$p' $D/b.log > $D/after.log
        sleep 1
        if grep -q 'stepped\|not any more' $D/after.log; then echo 'a step:'; cat $D/after.log; exit 1; fi
        kill $PB; wait $PB || { echo "exit code $?"; exit 1; }
        "#,
    );
}
