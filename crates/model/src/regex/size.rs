//! How large the program is that RE2 compiles an expression to.
//!
//! RE2 counts instructions, of which each matches a byte or branches, and gives up on an expression that has more of
//! them than its memory allows. The count here is never below RE2's (`re2/compile.cc`), and the same for literals,
//! classes, groups and repetitions. It is above RE2's where RE2 merges alternatives (`abc|abd`), repetitions (`a*a*`) or
//! the cases of letters (`[A-Za-z]`, `(?i)`), and for Unicode classes together with others: exactly that would take
//! RE2's parse tree and Unicode's tables.

use std::collections::HashSet;

/// The most instructions that RE2 allocates with the memory that Envoy gives it: 2/3 of 8 MiB, less what the program
/// itself takes, in instructions of 8 bytes. Envoy 1.36 refuses one more; later ones take more.
pub(super) const MOST_INSTRUCTIONS: u32 = 698_996;

/// What every program has: where it fails, where it matches, and the loop before an unanchored match.
pub(super) const FRAME: u32 = 4;

const LAST_CODE_POINT: u32 = char::MAX as u32;
const LAST_ASCII: u32 = 0x7f;

/// More instructions than leaving out the other cases of one character beyond ASCII takes: 17 at most (Greek iota).
const MOST_PER_FOLDED: u32 = 20;
/// More than those of any range take: 130 are the most that were found (U+0251 to U+1F7B).
const MOST_PER_FOLDED_RANGE: u32 = 200;

/// A set of characters, of which one is to be matched.
#[derive(Default)]
pub(super) struct Class {
    ranges: Vec<(u32, u32)>,
    /// Instructions for what is not in `ranges`.
    others: u32,
    /// Whether characters stand for their other case too.
    folds: bool,
}

impl Class {
    pub(super) fn new(folds: bool) -> Self {
        Self {
            folds,
            ..Self::default()
        }
    }

    /// Adds code points from the first to the last.
    pub(super) fn add(&mut self, (low, high): (u32, u32)) {
        self.ranges.push((low, high));
        if self.folds {
            self.add_other_cases(low, high);
        }
    }

    /// Adds ASCII characters, or with `negated` all characters but these.
    pub(super) fn add_ascii(&mut self, ranges: &[(char, char)], negated: bool) {
        let mut group = Self::new(self.folds);
        for (low, high) in ranges {
            group.add((u32::from(*low), u32::from(*high)));
        }
        if negated {
            group.negate();
        }
        self.ranges.append(&mut group.ranges);
    }

    /// Adds characters of which it is only known how many instructions they take.
    pub(super) fn add_unicode(&mut self, instructions: u32) {
        self.others += instructions + u32::from(self.others > 0);
    }

    /// Makes the set that of all other characters. What it takes besides `ranges` stays: it depends on where sets
    /// begin and end, which is the same for both.
    pub(super) fn negate(&mut self) {
        self.merge();
        let mut next = 0;
        let mut complement = Vec::new();
        for (low, high) in &self.ranges {
            if next < *low {
                complement.push((next, low - 1));
            }
            next = high + 1;
        }
        if next <= LAST_CODE_POINT {
            complement.push((next, LAST_CODE_POINT));
        }
        self.ranges = complement;
    }

    /// The instructions that match one of the set; at least 1.
    pub(super) fn instructions(mut self) -> u32 {
        self.merge();
        let mut sequences = Vec::new();
        for (low, high) in self.ranges {
            split(low, high, &mut sequences);
        }
        let joint = u32::from(self.others > 0 && !sequences.is_empty());
        (self.others + joint + trie_size(&sequences)).max(1)
    }

    fn add_other_cases(&mut self, low: u32, high: u32) {
        for letter in (low..=high.min(LAST_ASCII)).filter_map(|code| u8::try_from(code).ok()) {
            let other = match letter.to_ascii_lowercase() {
                b'k' => Some('\u{212a}'),
                b's' => Some('\u{17f}'),
                _ => None,
            };
            let swapped = letter.is_ascii_alphabetic().then_some(char::from(letter ^ 0x20));
            let others = swapped.into_iter().chain(other).map(u32::from);
            self.ranges.extend(others.map(|code| (code, code)));
        }
        let beyond_ascii = (high + 1).saturating_sub(low.max(LAST_ASCII + 1));
        self.others += beyond_ascii
            .saturating_mul(MOST_PER_FOLDED)
            .min(MOST_PER_FOLDED_RANGE);
    }

    /// Sorts the ranges and makes one of those that overlap or touch.
    fn merge(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|later, earlier| {
            let joined = later.0 <= earlier.1 + 1;
            if joined {
                earlier.1 = earlier.1.max(later.1);
            }
            joined
        });
    }
}

/// The bytes of the UTF-8 forms of a range of characters: the first and the last at each place.
type Sequence = Vec<(u8, u8)>;

const CONTINUATION: (u8, u8) = (0x80, 0xbf);

/// Splits a range of code points into sequences that have the same leading bytes, then a range, then any bytes.
fn split(mut low: u32, high: u32, into: &mut Vec<Sequence>) {
    while low <= high {
        if (low, high) == (LAST_ASCII + 1, LAST_CODE_POINT) {
            // RE2's short form, which also takes what is no UTF-8.
            for (count, lead) in [(1, (0xc2, 0xdf)), (2, (0xe0, 0xef)), (3, (0xf0, 0xf4))] {
                into.push([vec![lead], vec![CONTINUATION; count]].concat());
            }
            return;
        }
        let last_of_length = [LAST_ASCII, 0x7ff, 0xffff]
            .into_iter()
            .find(|last| low <= *last)
            .unwrap_or(LAST_CODE_POINT);
        let last = run(low, high.min(last_of_length), last_of_length);
        into.push(encode(low).into_iter().zip(encode(last)).collect());
        low = last + 1;
    }
}

/// The last of the code points from `low` on that differ in one byte and in all that follows it.
fn run(low: u32, high: u32, last_of_length: u32) -> u32 {
    if last_of_length == LAST_ASCII {
        return high;
    }
    // The largest block of code points with the same leading bytes that starts here and fits.
    let block = [1 << 18, 1 << 12, 1 << 6]
        .into_iter()
        .find(|block| low.is_multiple_of(*block) && low + block - 1 <= high)
        .unwrap_or(1);
    // As many of them as there are under the same byte before.
    let last_under_same = low | (block * 64 - 1);
    let end = high.min(last_under_same) + 1;
    end - end % block - 1
}

/// UTF-8, of surrogates too: RE2 does not leave them out.
fn encode(code: u32) -> Vec<u8> {
    let byte = |shift: u32, mark: u32| ((code >> shift) & 0x3f | mark) as u8;
    match code {
        0..=0x7f => vec![code as u8],
        0x80..=0x7ff => vec![byte(6, 0xc0), byte(0, 0x80)],
        0x800..=0xffff => vec![byte(12, 0xe0), byte(6, 0x80), byte(0, 0x80)],
        _ => vec![byte(18, 0xf0), byte(12, 0x80), byte(6, 0x80), byte(0, 0x80)],
    }
}

/// The instructions of the trie that RE2 makes of sorted sequences: one for each byte that is not shared, and a branch
/// for each sequence after the first. Leading bytes are shared with the sequence before, trailing ones with any.
fn trie_size(sequences: &[Sequence]) -> u32 {
    let mut endings = HashSet::new();
    let mut before: &[(u8, u8)] = &[];
    let mut bytes = 0;
    for sequence in sequences {
        let shared = sequence.iter().zip(before).take_while(|(a, b)| a == b).count();
        for (place, (low, high)) in sequence.iter().enumerate().skip(shared) {
            let is_ending = place > 0 && (low < high || place == sequence.len() - 1);
            if !is_ending || endings.insert(&sequence[place..]) {
                bytes += 1;
            }
        }
        before = sequence;
    }
    let branches = sequences.len().saturating_sub(1);
    bytes + u32::try_from(branches).unwrap_or(u32::MAX)
}
