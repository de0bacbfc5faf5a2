//! Messages out of a stream of octets in which NMEA sentences, UBX frames and JSON objects follow each other.

use std::fmt;

use crate::message::{Bad, Message};
use crate::{gpsd, nmea, ubx};

/// The longest sentence that is looked at; the standard's limit is 82.
const SENTENCE: usize = 256;
/// The longest line: gpsd's SKY lists every satellite.
const LINE: usize = 16_384;

/// What came, by what became of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Times.
    pub times: u64,
    /// Sentences that say that there is no fix, or that the time is not known.
    pub no_fix: u64,
    /// Sound, and something else.
    pub others: u64,
    /// No sentence.
    pub form: u64,
    /// No checksum.
    pub no_checksum: u64,
    /// Another checksum.
    pub checksum: u64,
    /// A time or place that does not exist.
    pub field: u64,
    /// Too long.
    pub overlong: u64,
}

impl Counts {
    fn count(&mut self, message: &Message) {
        let counter = match message {
            Message::Time { utc: Some(_), .. } => &mut self.times,
            Message::Time { utc: None, .. } => &mut self.no_fix,
            Message::Bad(Bad::Form) => &mut self.form,
            Message::Bad(Bad::NoChecksum) => &mut self.no_checksum,
            Message::Bad(Bad::Checksum) => &mut self.checksum,
            Message::Bad(Bad::Field) => &mut self.field,
            Message::Bad(Bad::TooLong) => &mut self.overlong,
            _ => &mut self.others,
        };
        *counter = counter.saturating_add(1);
    }

    /// Everything that was dropped.
    pub const fn dropped(&self) -> u64 {
        let a = self.form.saturating_add(self.no_checksum).saturating_add(self.checksum);
        a.saturating_add(self.field).saturating_add(self.overlong)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, no_fix, others, form, no_checksum, checksum, field, overlong } = self;
        write!(
            f,
            "{times} times, {no_fix} without fix, {others} other sentences; dropped: {form} no sentence, \
             {no_checksum} no checksum, {checksum} wrong checksum, {field} wrong time, {overlong} too long"
        )
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Taking {
    /// A line, or nothing yet.
    Line,
    /// A UBX frame whose sync was seen.
    Frame,
    /// A line that has become too long: until its end.
    Overlong,
}

/// Takes a stream apart.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    taking: Taking,
    /// What was no frame is looked through for sentences.
    again: bool,
    counts: Counts,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            buffer: Vec::with_capacity(SENTENCE),
            taking: Taking::Line,
            again: false,
            counts: Counts::default(),
        }
    }
}

impl Splitter {
    /// Tells each message that these octets complete, what was dropped too.
    pub fn push(&mut self, octets: &[u8], mut each: impl FnMut(Message)) {
        for &octet in octets {
            self.take(octet, &mut each);
        }
    }

    /// The stream broke off: what has begun will not be finished.
    pub fn break_off(&mut self) {
        self.buffer.clear();
        self.taking = Taking::Line;
    }

    /// What came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn take(&mut self, octet: u8, each: &mut impl FnMut(Message)) {
        match self.taking {
            Taking::Frame => return self.take_frame(octet, each),
            Taking::Overlong if matches!(octet, b'\n' | b'\r') => {
                self.break_off();
                return self.tell(Message::Bad(Bad::TooLong), each);
            }
            Taking::Overlong | Taking::Line => {}
        }
        // Sync octets are no text: a frame may begin amid a line that was cut.
        if !self.again && octet == ubx::SYNC[1] && self.buffer.last() == Some(&ubx::SYNC[0]) {
            self.buffer.pop();
            self.end_line(each);
            self.buffer.extend(ubx::SYNC);
            self.taking = Taking::Frame;
            return;
        }
        if matches!(octet, b'\n' | b'\r') {
            return self.end_line(each);
        }
        // A sentence begins there, whatever was before it.
        let text = self.taking == Taking::Overlong || self.buffer.first().is_some_and(|o| *o != b'{');
        if octet == b'$' && text {
            self.end_line(each);
        }
        if self.taking == Taking::Overlong {
            // Kept only to see a frame begin.
            self.buffer.clear();
            self.buffer.push(octet);
            return;
        }
        let limit = if self.buffer.first() == Some(&b'{') { LINE } else { SENTENCE };
        if self.buffer.len() >= limit {
            self.taking = Taking::Overlong;
            self.buffer.clear();
        }
        self.buffer.push(octet);
    }

    fn take_frame(&mut self, octet: u8, each: &mut impl FnMut(Message)) {
        self.buffer.push(octet);
        let Some(length) = self.buffer.get(4..6).and_then(|l| l.try_into().ok()).map(u16::from_le_bytes)
        else {
            return;
        };
        let length = usize::from(length);
        if length > ubx::MAX_PAYLOAD {
            self.break_off();
            return self.tell(Message::Bad(Bad::TooLong), each);
        }
        if self.buffer.len() < ubx::HEADER + length + 2 {
            return;
        }
        let (body, sum) = self.buffer.split_at(ubx::HEADER + length);
        let checked = body.get(2..).unwrap_or_default();
        let mut time = None;
        let message = if ubx::checksum(checked) != sum {
            let octets = std::mem::take(&mut self.buffer);
            self.break_off();
            self.tell(Message::Bad(Bad::Checksum), each);
            // It may have been noise that looked like a frame, and sentences were taken for its inside. Once only, and for those.
            self.again = true;
            for octet in octets.into_iter().skip(ubx::HEADER) {
                self.take(octet, each);
            }
            self.again = false;
            return;
        } else {
            match checked {
                [class, id, _, _, payload @ ..] => {
                    time = ubx::time(*class, *id, payload);
                    ubx::payload(*class, *id, payload).unwrap_or(Message::Bad(Bad::Field))
                }
                _ => Message::Bad(Bad::Form),
            }
        };
        self.break_off();
        if let Some(time) = time {
            self.tell(time, each);
        }
        self.tell(message, each);
    }

    fn end_line(&mut self, each: &mut impl FnMut(Message)) {
        let mut line = std::mem::take(&mut self.buffer);
        if self.taking == Taking::Overlong {
            self.taking = Taking::Line;
            self.tell(Message::Bad(Bad::TooLong), each);
        } else if line.first() == Some(&b'{') {
            gpsd::parse(&line, |message| self.tell(message, each));
        } else if !line.is_empty() {
            let message = nmea::parse(&line).unwrap_or_else(Message::Bad);
            self.tell(message, each);
        }
        line.clear();
        self.buffer = line;
    }

    fn tell(&mut self, message: Message, each: &mut impl FnMut(Message)) {
        self.counts.count(&message);
        each(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::TimeSource;
    use crate::nmea::sentence;
    use crate::ubx::frame;
    use proptest::prelude::*;

    fn all(pieces: &[&[u8]]) -> (Vec<Message>, Counts) {
        let (mut splitter, mut got) = (Splitter::default(), Vec::new());
        for piece in pieces {
            splitter.push(piece, |m| got.push(m));
        }
        (got, splitter.counts())
    }

    fn is_time(m: &Message) -> bool {
        matches!(m, Message::Time { source: TimeSource::Zda, utc: Some(_), .. })
    }

    #[test]
    fn sentences_are_found_amid_noise() {
        let good = sentence("GPZDA,053001.00,21,11,2026,00,00");
        let times = |noise: &[u8]| {
            let mut splitter = Splitter::default();
            let mut stream = noise.to_vec();
            stream.extend(good.as_bytes());
            splitter.push(&stream, |_| {});
            splitter.counts().times
        };
        // On the same line, after a line that has no end, and inside of what began like a frame.
        assert_eq!(times(b"\x80\xffxyz"), 1);
        assert_eq!(times(&[b'x'; 1000]), 1);
        assert_eq!(times(b"$GPRMC,05"), 1);
        let length = u16::try_from(good.len() + 10).expect("short").to_le_bytes();
        let mut frame = vec![0xb5, 0x62, 1, 2, length[0], length[1]];
        frame.extend(good.as_bytes());
        frame.extend([0; 20]);
        let mut splitter = Splitter::default();
        splitter.push(&frame, |_| {});
        let counts = splitter.counts();
        assert_eq!((counts.times, counts.checksum), (1, 1), "{counts}");
    }

    #[test]
    fn three_languages_in_one_stream() {
        let zda = sentence("GPZDA,053001.00,21,11,2026,00,00");
        let tp = frame(0x0d, 0x01, &[0; 16]);
        let json = b"{\"class\":\"SKY\",\"uSat\":5}\r\n";
        let stream = [b"cut off\r\n", zda.as_bytes(), &tp, json, zda.as_bytes(), &tp, &tp].concat();
        // In one piece, and octet by octet.
        let octets: Vec<&[u8]> = stream.chunks(1).collect();
        for pieces in [&[&stream[..]][..], &octets] {
            let (got, counts) = all(pieces);
            assert_eq!(got.len(), 7, "{got:?}");
            assert_eq!(got.iter().filter(|m| is_time(m)).count(), 2);
            assert_eq!(got.iter().filter(|m| matches!(m, Message::Pulse(_))).count(), 3);
            assert_eq!((counts.times, counts.form, counts.dropped()), (2, 1, 1));
        }
    }

    #[test]
    fn what_is_broken_does_not_take_the_next_with_it() {
        let zda = sentence("GPZDA,053001.00,21,11,2026,00,00");
        // A sentence cut short; a frame amid a line; a frame with a wrong sum; a length that cannot be; garbage.
        let mut wrong = frame(0x0d, 0x01, &[0; 16]);
        *wrong.last_mut().expect("it has a sum") ^= 1;
        let mut long = frame(0x0d, 0x01, &[0; 4]);
        long[5] = 0xff;
        for broken in
            [&b"$GPRMC,05300"[..], &[b"$GPRMC,05", &wrong[..]].concat(), &wrong, &[0x80; 2000], &long[..6]]
        {
            let (got, counts) = all(&[broken, b"\r\n", zda.as_bytes(), zda.as_bytes()]);
            let times = got.iter().filter(|m| is_time(m)).count();
            assert!(times == 2 && counts.dropped() >= 1, "{broken:02x?}: {got:?}");
        }
        let (got, _) = all(&[b"$GPRMC,05300", zda.as_bytes()]);
        assert!(got.iter().any(is_time), "{got:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_octets_in_any_pieces_are_survived(pieces: Vec<Vec<u8>>) {
            let mut splitter = Splitter::default();
            for piece in pieces {
                splitter.push(&piece, |_| {});
            }
        }

        /// Frames with one octet changed are dropped or are something else, and a sound one after garbage comes through
        /// once as many octets have passed as the longest frame has.
        #[test]
        fn frames_survive_what_comes_before(garbage in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..24, flip in 1u8..) {
            let mut damaged = frame(0x0d, 0x01, &[7; 16]);
            damaged[at] ^= flip;
            let zda = sentence("GPZDA,053001.00,21,11,2026,00,00");
            let stream = [garbage, damaged, zda.repeat(40).into_bytes()].concat();
            let (got, _) = all(&[&stream]);
            prop_assert!(got.iter().any(is_time));
        }
    }
}
