//! Fuzz targets that run as plain tests: whatever reads bytes from strangers, fed with seeds that were edited at random.
//!
//! Every target is a test with `fuzz` in its path and takes two seconds. For longer, and for a failure again:
//!
//! ```text
//! BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --lib fuzz     ten minutes each
//! BOLERO_RANDOM_SEED=123… cargo test --lib fuzz::smtp         the input that a failure printed the seed of
//! ```
//!
//! A target asserts more than that nothing panics wherever there is more to say: what was read can be written and read
//! again, text for people holds no control characters, and no chain authenticates that does not hold the key.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bolero::TypeGenerator;

/// How long each target runs unless the environment says otherwise.
const TIME: Duration = Duration::from_secs(2);

/// A way to make an input out of seeds.
#[derive(Debug, Clone, TypeGenerator)]
struct Recipe {
    seed: u8,
    count: u8,
    edits: Vec<Edit>,
}

/// One change. Places count from the start and wrap around.
#[derive(Debug, Clone, TypeGenerator)]
enum Edit {
    Flip {
        at: u16,
        bit: u8,
    },
    Put {
        at: u16,
        byte: u8,
    },
    Insert {
        at: u16,
        byte: u8,
    },
    Remove {
        at: u16,
        count: u8,
    },
    Repeat {
        at: u16,
        count: u8,
        times: u8,
    },
    Word {
        at: u16,
        which: u8,
    },
    Cut {
        at: u16,
    },
    Splice {
        seed: u8,
        at: u16,
        from: u16,
        count: u16,
    },
}

/// Longer inputs say nothing more.
const LONGEST: usize = 64 * 1024;

impl Edit {
    fn apply(&self, out: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
        let place = |at: u16, out: &[u8]| usize::from(at) % (out.len() + 1);
        let byte = |at: u16, out: &[u8]| (!out.is_empty()).then(|| usize::from(at) % out.len());
        match *self {
            Self::Flip { at, bit } => {
                if let Some(i) = byte(at, out) {
                    out[i] ^= 1 << (bit % 8);
                }
            }
            Self::Put { at, byte: new } => {
                if let Some(i) = byte(at, out) {
                    out[i] = new;
                }
            }
            Self::Insert { at, byte } => out.insert(place(at, out), byte),
            Self::Remove { at, count } => {
                let from = place(at, out);
                let to = (from + usize::from(count)).min(out.len());
                out.drain(from..to);
            }
            Self::Repeat { at, count, times } => {
                let from = place(at, out);
                let to = (from + usize::from(count)).min(out.len());
                let piece = out[from..to].repeat(usize::from(times));
                out.splice(from..from, piece);
            }
            Self::Word { at, which } => {
                if let Some(word) = pick(words, which) {
                    let at = place(at, out);
                    out.splice(at..at, word.bytes());
                }
            }
            Self::Cut { at } => out.truncate(place(at, out)),
            Self::Splice {
                seed,
                at,
                from,
                count,
            } => {
                if let Some(other) = pick(seeds, seed) {
                    let from = place(from, other);
                    let to = (from + usize::from(count)).min(other.len());
                    let at = place(at, out);
                    out.splice(at..at, other[from..to].iter().copied());
                }
            }
        }
        out.truncate(LONGEST);
    }
}

fn pick<T>(of: &[T], which: u8) -> Option<&T> {
    (!of.is_empty()).then(|| &of[usize::from(which) % of.len()])
}

/// Checks every seed as it is, then edited ones until the time is over. `words` are thrown in: what the format's grammar
/// turns on.
pub(crate) fn fuzz(seeds: &[Vec<u8>], words: &[&str], check: impl Fn(&[u8])) {
    for seed in seeds {
        check(seed);
    }
    // A panic ends the test, so nobody sees what it may have left half done.
    let check = AssertUnwindSafe(check);
    bolero::check!()
        .with_test_time(TIME)
        .with_type::<Recipe>()
        .for_each(|recipe: &Recipe| {
            let check = &check;
            let mut bytes = pick(seeds, recipe.seed).cloned().unwrap_or_default();
            for edit in recipe.edits.iter().take(usize::from(recipe.count) % 10) {
                edit.apply(&mut bytes, seeds, words);
            }
            check(&bytes);
        });
}

/// The same for text: bytes that are none become what the DNS conversion makes of them.
pub(crate) fn fuzz_text(seeds: &[String], words: &[&str], check: impl Fn(&str)) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|s| s.clone().into_bytes()).collect();
    fuzz(&seeds, words, |bytes| {
        check(&String::from_utf8_lossy(bytes))
    });
}

/// Asserts that nothing in a text for people can act on a terminal or hide.
#[track_caller]
pub(crate) fn assert_clean(text: &str) {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{61c}' | '\u{feff}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!text.chars().any(bad), "{text:?}");
}

#[test]
fn edits_reach_far_from_the_seed() {
    let seed = b"seed".to_vec();
    let mut out = seed.clone();
    for edit in [
        Edit::Insert { at: 4, byte: b's' },
        Edit::Repeat {
            at: 0,
            count: 5,
            times: 2,
        },
        Edit::Word { at: 0, which: 7 },
        Edit::Splice {
            seed: 9,
            at: 0,
            from: 0,
            count: 2,
        },
        Edit::Remove { at: 0, count: 1 },
        Edit::Flip { at: 0, bit: 5 },
        Edit::Put { at: 1, byte: b'!' },
        Edit::Cut { at: 12 },
    ] {
        edit.apply(&mut out, std::slice::from_ref(&seed), &["word"]);
    }
    assert_eq!(out, b"E!ordseedsse");
    let mut nothing = Vec::new();
    Edit::Flip { at: 9, bit: 9 }.apply(&mut nothing, &[], &[]);
    Edit::Splice {
        seed: 0,
        at: 0,
        from: 0,
        count: 1,
    }
    .apply(&mut nothing, &[], &[]);
    assert!(nothing.is_empty());
}
