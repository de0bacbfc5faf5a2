//! The promise of the chain: whatever is done to a log is found; whatever a crash does to it is survived, and said.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use ptp_evidence::{DAY_NS, Entry, Found, Hash, Store, StoreOptions, Verdict, find_chains, verify};

/// A directory that goes with the test.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        // In memory, where there is a place: each recovery waits for the disk.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = place.join(format!("evidence-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn options(&self) -> StoreOptions {
        StoreOptions::new(&self.0, "ptpd")
    }

    fn files(&self) -> Vec<PathBuf> {
        find_chains(std::slice::from_ref(&self.0))
            .expect("readable")
            .into_iter()
            .flat_map(|c| c.files)
            .collect()
    }

    fn verify(&self, heads: &[Hash]) -> Found {
        verify(std::slice::from_ref(&self.0), heads)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const NOON: i64 = 1_795_262_400_000_000_000;

fn entry(n: i64) -> Entry {
    Entry::new("measurement")
        .at(NOON + n)
        .monotonic(n as u64)
        .number("offset_mean", n as f64 / 7.0)
        .text("clock", "phc0")
}

/// A log of so many records (one more with the file's first); its only file and its head.
fn written(room: &Room, records: i64) -> (PathBuf, Hash) {
    let mut store = Store::open(&room.options()).expect("opened");
    for n in 0..records {
        store.append(&entry(n)).expect("written");
    }
    (room.files().remove(0), store.head())
}

fn verdict_of(file: &Path, octets: &[u8], heads: &[Hash]) -> Verdict {
    fs::write(file, octets).expect("written");
    verify(&[file.to_owned()], heads).verdict()
}

#[test]
fn any_bit_flipped_is_found() {
    let room = Room::new("flip");
    let (file, head) = written(&room, 3);
    let good = fs::read(&file).expect("a file");
    assert_eq!(room.verify(&[head]).verdict(), Verdict::Whole);
    let mut octets = good.clone();
    let mut found = [0; 2];
    for place in 0..good.len() {
        for bit in 0..8 {
            octets[place] ^= 1 << bit;
            match verdict_of(&file, &octets, &[]) {
                Verdict::Tampered => found[0] += 1,
                // The last line's end.
                Verdict::Truncated if place + 1 == good.len() => found[1] += 1,
                other => panic!("bit {bit} of octet {place}: {other:?}"),
            }
            octets[place] = good[place];
        }
    }
    assert_eq!(found, [(good.len() - 1) * 8, 8]);
}

#[test]
fn any_cut_is_found() {
    let room = Room::new("cut");
    let (file, head) = written(&room, 4);
    let good = fs::read(&file).expect("a file");
    for end in 0..good.len() {
        let left = &good[..end];
        let whole_lines = end == 0 || left.ends_with(b"\n");
        let expected = match (end, whole_lines) {
            (0, _) => Verdict::Unreadable,
            // Between records only the head tells.
            (_, true) => Verdict::Whole,
            (_, false) => Verdict::Truncated,
        };
        assert_eq!(verdict_of(&file, left, &[]), expected, "{end}");
        if end > 0 {
            assert_eq!(verdict_of(&file, left, &[head]), Verdict::Truncated, "{end}");
        }
        // Nothing is lost at the beginning unnoticed, either.
        if end > 0 {
            assert_eq!(verdict_of(&file, &good[end..], &[]), Verdict::Tampered, "{end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn lines_removed_added_doubled_or_moved_are_found(
        records in 2..20i64, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), what in 0..5,
    ) {
        let room = Room::new("lines");
        let (file, head) = written(&room, records);
        let text = fs::read_to_string(&file).expect("text");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (a, b) = (a.index(lines.len()), b.index(lines.len()));
        match what {
            0 => drop(lines.remove(a)),
            1 => lines.insert(a, lines[b].clone()),
            2 if a != b => lines.swap(a, b),
            // A record with a hash of its own making.
            3 => lines.insert(a, lines[b].replace("phc0", "phc1")),
            4 => lines[a] = lines[a].replace("measurement", "event").replace("segment", "event"),
            _ => return Ok(()),
        }
        let last_removed = what == 0 && a == lines.len();
        let octets = lines.join("\n") + "\n";
        let verdict = verdict_of(&file, octets.as_bytes(), &[head]);
        prop_assert_eq!(verdict, if last_removed { Verdict::Truncated } else { Verdict::Tampered });
    }

    #[test]
    fn a_forged_history_has_another_head(records in 1..10i64, at in any::<prop::sample::Index>()) {
        // Whoever can write the files can write all of them anew; the head that was noted elsewhere is not there then.
        let room = Room::new("forged");
        let (_, head) = written(&room, records);
        let at = at.index(records as usize) as i64;
        for file in room.files() {
            fs::remove_file(file).expect("there");
        }
        let mut store = Store::open(&room.options()).expect("opened");
        for n in 0..records {
            let forged = if n == at { entry(n).flag("forged", true) } else { entry(n) };
            store.append(&forged).expect("written");
        }
        prop_assert_eq!(room.verify(&[]).verdict(), Verdict::Whole);
        prop_assert_eq!(room.verify(&[head]).verdict(), Verdict::Truncated);
    }
}

#[test]
fn a_write_torn_at_any_octet_is_recovered_and_said() {
    let room = Room::new("torn");
    let (file, _) = written(&room, 3);
    let good = fs::read(&file).expect("a file");
    let last_line = good[..good.len() - 1].iter().rposition(|o| *o == b'\n').expect("lines") + 1;
    for end in 0..=good.len() {
        let room = Room::new("torn-again");
        let file = room.0.join(file.file_name().expect("a name"));
        fs::write(&file, &good[..end]).expect("written");
        let mut store = Store::open(&room.options()).expect("opened");
        store.append(&entry(9)).expect("written");
        let head = store.head();
        drop(store);
        let found = room.verify(&[head]);
        assert_eq!(found.verdict(), Verdict::Whole, "{end}: {found:?}");
        let state = &found.chains[0];
        let whole = end == 0 || good[end - 1] == b'\n';
        assert_eq!(state.recoveries, u64::from(!whole), "{end}");
        // What was complete is kept; what was not is still in the file.
        let text = fs::read(&file).expect("a file");
        assert!(text.starts_with(&good[..end]), "{end}");
        let lines = good[..end].iter().filter(|o| **o == b'\n').count() as u64;
        assert!(state.records > lines, "{end}: {state:?}");
        if end > last_line && end < good.len() - 1 {
            assert_eq!(state.torn_octets, (end - last_line) as u64 + 1);
        }
        // The recovery itself is torn, at any octet.
        let twice = fs::read(&file).expect("a file");
        if end % 97 == 0 && !whole {
            for again in end..twice.len() {
                fs::write(&file, &twice[..again]).expect("written");
                let mut store = Store::open(&room.options()).expect("opened");
                store.append(&entry(10)).expect("written");
                drop(store);
                let found = room.verify(&[]);
                assert_eq!(found.verdict(), Verdict::Whole, "{end} {again}: {found:?}");
                for file in room.files().split_off(1) {
                    fs::remove_file(file).expect("there");
                }
            }
        }
    }
}

#[test]
fn octets_behind_a_recovery_cannot_be_changed() {
    let room = Room::new("claimed");
    let (file, _) = written(&room, 2);
    let mut good = fs::read(&file).expect("a file");
    good.truncate(good.len() - 40);
    fs::write(&file, &good).expect("written");
    let mut store = Store::open(&room.options()).expect("opened");
    store.append(&entry(5)).expect("written");
    drop(store);
    let good_again = fs::read(&file).expect("a file");
    let torn_at = good.len() - 10;
    let mut octets = good_again.clone();
    octets[torn_at] ^= 1;
    assert_eq!(verdict_of(&file, &octets, &[]), Verdict::Tampered);
    octets.remove(torn_at);
    assert_eq!(verdict_of(&file, &octets, &[]), Verdict::Tampered);
    assert_eq!(verdict_of(&file, &good_again, &[]), Verdict::Whole);
}

#[test]
fn the_chain_goes_on_over_days_and_restarts() {
    let room = Room::new("days");
    for day in 0..4 {
        let mut store = Store::open(&room.options()).expect("opened");
        for n in 0..3 {
            store.append(&entry(day * DAY_NS + n)).expect("written");
        }
        // Nobody else writes meanwhile.
        assert!(Store::open(&room.options()).is_err());
    }
    let files = room.files();
    assert_eq!(files.len(), 4);
    let found = room.verify(&[]);
    assert_eq!((found.verdict(), found.chains[0].records), (Verdict::Whole, 16));
    assert!(found.chains[0].from_the_beginning);

    // One day alone is whole, and says that there was more before.
    let found = verify(&files[2..3], &[]);
    assert_eq!((found.verdict(), found.chains[0].first_seq), (Verdict::Whole, 8));
    assert!(!found.chains[0].from_the_beginning);

    // A day in the middle, the first one, or the order.
    let middle = fs::read(&files[1]).expect("a file");
    fs::remove_file(&files[1]).expect("there");
    let found = room.verify(&[]);
    assert_eq!(found.verdict(), Verdict::Tampered);
    let problem = &found.chains[0].problems[0];
    assert_eq!((&problem.file, problem.line), (&files[2], 1));
    assert!(problem.why.contains("records 4 to 7 are missing"), "{problem}");
    fs::write(&files[1], middle).expect("written");
    fs::rename(&files[0], room.0.join("elsewhere")).expect("there");
    let found = room.verify(&[]);
    assert_eq!(found.verdict(), Verdict::Tampered);
    assert!(found.chains[0].problems[0].why.contains("files 1 to 1 are missing"), "{found:?}");
}

#[test]
fn old_days_are_removed_and_a_record_says_so() {
    let room = Room::new("old");
    let options = StoreOptions { keep: Some(3), ..room.options() };
    let mut store = Store::open(&options).expect("opened");
    for day in 0..6 {
        store.append(&entry(day * DAY_NS)).expect("written");
    }
    drop(store);
    assert_eq!(room.files().len(), 3);
    let found = room.verify(&[]);
    assert_eq!(found.verdict(), Verdict::Whole, "{found:?}");
    assert!(found.chains[0].beginning_removed && !found.chains[0].from_the_beginning);
    // One more than was said.
    fs::remove_file(&room.files()[0]).expect("there");
    assert_eq!(room.verify(&[]).verdict(), Verdict::Tampered);
}

#[test]
fn what_is_no_log_is_said_to_be_none() {
    let room = Room::new("none");
    assert_eq!(room.verify(&[]).verdict(), Verdict::Unreadable);
    assert_eq!(verify(&[room.0.join("missing")], &[]).verdict(), Verdict::Unreadable);
    let file = room.0.join("noise");
    for octets in [&b""[..], &[0; 5000], &[b'x'; 3_000_000], b"\n\n\n", b"{\"seq\":0}\n"] {
        let verdict = verdict_of(&file, octets, &[]);
        assert_ne!(verdict, Verdict::Whole, "{} octets", octets.len());
    }
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..600), cut in any::<prop::sample::Index>()) {
        let room = Room::new("noise");
        let (file, _) = written(&room, 2);
        let mut log = fs::read(&file).expect("a file");
        let at = cut.index(log.len());
        log.splice(at..at, octets.iter().copied());
        fs::write(&file, &log).expect("written");
        if !octets.is_empty() {
            prop_assert_ne!(room.verify(&[]).verdict(), Verdict::Whole);
        }
        let mut store = Store::open(&room.options()).expect("opened");
        store.append(&entry(7)).expect("written");
    }
}
