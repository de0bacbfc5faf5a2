//! The demonstration, shortened: it is what a newcomer sees first, so it is held to what it shows.

use hil_tests::lab::demo::{Options, tell};
use hil_tests::lab::{LabError, experiment, our_program};

#[test]
fn five_clocks_find_one_time_twice() {
    experiment("five_clocks_find_one_time_twice", &[], |lab| {
        let dir = lab.dir().join("demo");
        let options =
            Options { ptpd: our_program("ptpd")?, dir: dir.clone(), calm: 14.0, after: 12.0, picture: None };
        let told = tell(&options)?;
        println!("{}", told.summary);
        let page = std::fs::read_to_string(&told.report)
            .map_err(|source| LabError::Io { doing: "read the report".to_owned(), source })?;
        if !page.contains("grandmaster killed") {
            return Err(LabError::Wrong("the report does not show the kill".to_owned()));
        }
        let record = &told.record;
        for (index, node) in record.nodes.iter().enumerate().filter(|(index, _)| *index != record.first) {
            let outcome = record.outcome(index);
            // Wide of what is reached (microseconds), narrow against what they start with (milliseconds to seconds).
            let near = |spread: Option<hil_tests::lab::demo::Spread>| spread.is_some_and(|s| s.median < 1e6);
            let good = outcome.slave_after.is_some() && outcome.took_over.is_some() && near(outcome.before);
            if !good || (index != record.standby && !near(outcome.after)) {
                return Err(LabError::Wrong(format!("{}: {outcome:?}", node.name)));
            }
        }
        Ok(())
    });
}
