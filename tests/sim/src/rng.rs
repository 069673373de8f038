//! Randomness from one number: the same seed gives the same run on every machine.

/// xoshiro256++, seeded by SplitMix64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The stream of a seed; `part` tells independent streams of one seed apart.
    #[must_use]
    pub fn new(seed: u64, part: u64) -> Self {
        let mut state = seed ^ part.wrapping_mul(0xA076_1D64_78BD_642F);
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        Self([next(), next(), next(), next()])
    }

    /// The next 64 bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, and is no iterator"
    )]
    pub fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Evenly from `low` up to and with `high`; `low` where the range is empty.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let width = high.abs_diff(low) + 1;
        low.saturating_add_unsigned(self.next() % width)
    }

    /// Evenly in the logarithm: as many between 1 and 10 as between 10 and 100.
    pub fn scale(&mut self, low: i64, high: i64) -> i64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let ratio = high.max(low).max(1) as f64 / low.max(1) as f64;
        ((low.max(1) as f64 * ratio.powf(unit)) as i64).clamp(low, high.max(low))
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.next() % 100 < u64::from(percent)
    }

    /// An index below `len`; 0 where there is none.
    pub fn below(&mut self, len: usize) -> usize {
        if len < 2 {
            return 0;
        }
        (self.next() % len as u64) as usize
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
