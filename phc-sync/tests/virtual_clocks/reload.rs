//! A new configuration while the program runs.

use super::*;

/// SIGHUP: gains, rate, thresholds, the servo and log levels change while the program runs, what needs a restart is named and stays, a
/// bad file changes nothing; and the clock neither steps nor loses its lock over it.
#[test]
fn a_reload_takes_over_what_it_can_and_the_clock_does_not_notice() {
    let (source, sink) = pair();
    let file = source.0.with_extension("reload.yaml");
    let text = |more: &str| {
        format!("source: {}\nsinks: [{}]\noffset: 0 s\nrate: 16\n{more}", source.name(), sink.name())
    };
    std::fs::write(&file, text("")).expect("write");
    let mut running = Running::start(&["-m", "-f", &file.display().to_string()]);
    let error = || observe(&sink.0).expect("a good clock").true_error;
    wait_for("the clocks together", || error().abs() < TimeInterval::from_nanos(1_000));
    running.line_with(" s2 freq ");
    let begun = running.text.len();

    std::fs::write(
        &file,
        text("readings: 9\nsummary_updates: 8\nservo: adaptive\nsanity_freq_limit: 100 ppm\nwait: true\n"),
    )
    .expect("write");
    running.hang_up();
    running.line_with("readings from 5 to 9");
    running.line_with("servo from pi to adaptive");
    running.line_with("summary_updates from 0 to 8");
    running.line_with("a change of wait from false to true needs a restart");
    running.line_with("configuration reloaded");
    // It acts: lines of statistics come in the place of lines per measurement.
    running.line_with(" rms ");

    // A mistake: named with its line, and nothing changes, the good key before it neither.
    std::fs::write(&file, text("summary_updates: 0\nraet: 3\n")).expect("write");
    running.hang_up();
    running.line_with("the configuration stays as it was");
    running.line_with("did you mean `rate`?");
    running.line_with(" rms ");

    // The level of a part, and back: the servo is silent, the program is not.
    std::fs::write(&file, text("summary_updates: 0\nlog_parts: [servo=warn]\n")).expect("write");
    running.hang_up();
    running.line_with("log_parts from off to servo=warn");
    running.line_with("configuration reloaded");
    let quiet = running.text.len();
    std::fs::write(&file, text("summary_updates: 0\nlog_parts: [servo=warn]\nmax_drift: 7 ppm\n"))
        .expect("write");
    running.hang_up();
    running.line_with("max_drift from 5ppm to 7 ppm");
    assert!(!running.text[quiet..].contains(" freq "), "{}", &running.text[quiet..]);
    std::fs::write(&file, text("summary_updates: 0\n")).expect("write");
    running.hang_up();
    running.line_with(" s2 freq ");

    // Neither a step nor a loss of the lock, nor a new beginning of the servo.
    assert!(error().abs() < TimeInterval::from_nanos(10_000), "{}", error());
    let after = &running.text[begun..];
    assert!(!after.contains(" s0 ") && !after.contains(" s1 "), "{after}");
    std::fs::remove_file(&file).expect("ours");
    running.stop();
}

/// Sources of a selection come and go: the clock neither steps nor loses its lock, and what stays is not asked anew.
#[test]
fn sources_come_and_go_with_a_reload() {
    let epoch = Some(VirtualOptions::epoch_now());
    let good = || Scratch::clock(&VirtualOptions { epoch, ..VirtualOptions::default() });
    let sources = [good(), good(), good()];
    // Within what it says of itself, and within what the others say.
    let off = TimeInterval::from_nanos(40_000);
    let fourth = Scratch::clock(&VirtualOptions { epoch, offset: off, ..VirtualOptions::default() });
    let liar = Scratch::clock(&VirtualOptions {
        epoch,
        offset: TimeInterval::from_nanos(9_000_000),
        ..VirtualOptions::default()
    });
    let sink =
        Scratch::clock(&VirtualOptions { epoch, frequency_error_ppb: 30_000.0, ..VirtualOptions::default() });
    let file = sink.0.with_extension("sources.yaml");
    let (events, nobody) = (sink.0.with_extension("events"), sink.0.with_extension("nobody"));
    let write = |sources: &[&Scratch], more: &str| {
        let list: String =
            sources.iter().map(|s| format!("  - {{clock: '{}', error: 50 us}}\n", s.name())).collect();
        let text = format!(
            "system_clock: sink\nsystem_clock_device: {}\noffset: 0 s\nrate: 16\nselection: intersection\ninstances: [{}]\n\
             events_socket: {}\nmax_slew: 100 ppm\n{more}sources:\n{list}",
            sink.name(),
            nobody.display(),
            events.display()
        );
        std::fs::write(&file, text).expect("write");
    };
    let [a, b, c] = &sources;
    write(&[a, b, c], "");
    let mut running = Running::start(&["-m", "-f", &file.display().to_string()]);
    let error = || observe(&sink.0).expect("a good clock").true_error;
    wait_for("the majority's time", || error().abs() < TimeInterval::from_nanos(1_000));
    running.line_with(" s2 freq ");
    let begun = running.text.len();

    // Two more, of which one lies.
    write(&[a, &liar, b, &fourth, c], "");
    running.hang_up();
    running.line_with("sources from 3 items to 5 items");
    running.line_with("configuration reloaded");
    running.line_with(&format!("falseticker: {}", liar.name()));
    running.line_with(" s2 freq ");
    // A device that is not there is left out; the rest goes on.
    let there = std::fs::read_to_string(&file).expect("ours");
    std::fs::write(&file, there + "  - {pulses: /nonexistent/pps}\n").expect("write");
    running.hang_up();
    running.line_with("/nonexistent/pps is left out until the next reload");
    running.line_with("configuration reloaded");
    // Too few are refused, and so nothing changes.
    write(&[a], "");
    running.hang_up();
    running.line_with("the configuration stays as it was");
    // The liar goes, and so do good ones.
    write(&[&fourth, a], "");
    running.hang_up();
    running.line_with("configuration reloaded");
    running.line_with(" s2 freq ");
    let standing = super::events_until(&events, &format!("candidate {}", fourth.name()));
    let gone = format!("{} is no candidate any more", liar.name());
    assert!(standing.iter().any(|e| e.contains(&gone)), "{standing:#?}");
    assert!(standing.iter().all(|e| !e.contains(&liar.name()) || e.contains(&gone)), "{standing:#?}");
    // Another instance in the place of the one that does not answer.
    let other = sink.0.with_extension("other");
    let there = std::fs::read_to_string(&file).expect("ours");
    std::fs::write(&file, there.replace("nobody", "other")).expect("write");
    running.hang_up();
    running.line_with(&format!("{} is not followed any more", nobody.display()));
    running.line_with("instances[0].socket from");
    running.line_with(&format!("Waiting for ptp4l... ({})", other.display()));
    running.line_with(" s2 freq ");
    // Slewed between what they agree on, not stepped.
    let worst = error().abs();
    assert!(worst < TimeInterval::from_nanos(60_000), "{worst}");
    let after = &running.text[begun..];
    assert!(!after.contains(" s0 ") && !after.contains(" s1 "), "{after}");
    for source in &sources {
        let again = format!("{} is one of the majority", source.name());
        assert!(!after.contains(&again), "it was one before: {after}");
    }
    std::fs::remove_file(&file).expect("ours");
    running.stop();
}
