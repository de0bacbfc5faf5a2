//! The C header reads what the crate writes.

use std::path::PathBuf;
use std::process::Command;

use ptp_bound::{Bound, Status, Writer};

const PROGRAM: &str = r#"
#include <stdio.h>
#include "escapement_bound.h"
int main(int argc, char **argv)
{
	struct escapement_bound_page page;
	struct escapement_bound now;
	(void)argc;
	if (sizeof(struct escapement_bound_layout) != 80)
		return 9;
	if (escapement_bound_open(&page, argv[1]) < 0)
		return 2;
	if (escapement_bound_now(&page, &now) < 0)
		return errno == EAGAIN ? 3 : 4;
	printf("%d %lld %lld\n", now.status, (long long)now.bound_ns,
	       (long long)(now.latest.tv_sec - now.earliest.tv_sec) * 1000000000LL + (now.latest.tv_nsec - now.earliest.tv_nsec));
	escapement_bound_close(&page);
	return 0;
}
"#;

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn c_programs_read_the_page() {
    if Command::new("cc").arg("--version").output().is_err() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true allows no skipped test: no C compiler"
        );
        println!("skipped: c_programs_read_the_page: no C compiler");
        return;
    }
    let dir = Scratch(std::env::temp_dir().join(format!("ptp-bound-c-{}", std::process::id())));
    std::fs::create_dir_all(&dir.0).expect("a directory");
    let (source, program, page) = (dir.0.join("read.c"), dir.0.join("read"), dir.0.join("page"));
    std::fs::write(&source, PROGRAM).expect("written");
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let built = Command::new("cc")
        .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", include, "-o"])
        .args([&program, &source])
        .status();
    assert!(built.expect("a compiler").success());
    let run = || {
        let o = Command::new(&program).arg(&page).output().expect("it was built");
        (o.status.code(), String::from_utf8_lossy(&o.stdout).into_owned())
    };
    assert_eq!(run().0, Some(2), "no page");
    let mut writer = Writer::create(&page).expect("made");
    assert_eq!(run().0, Some(3), "nothing was written");
    let now = ptp_clock::monotonic_coarse_now();
    let bound = |age: u64, status| Bound {
        as_of_ns: now.saturating_sub(age),
        void_after_ns: now.saturating_add(1_000_000_000_000),
        bound_ns: 700,
        max_drift_ppb: 0,
        status,
    };
    writer.write(&bound(0, Status::Synchronized));
    assert_eq!(run(), (Some(0), "1 700 1400\n".to_owned()));
    writer.write(&bound(6_000_000_000, Status::Synchronized));
    assert_eq!(run(), (Some(0), "2 700 1400\n".to_owned()), "it has not been heard of for 6 s");
    writer.write(&Bound { as_of_ns: now + 60_000_000_000, ..bound(0, Status::Synchronized) });
    assert_eq!(run().0, Some(4), "from the future");
}
