//! The data of every workload: keys, values and the orders in which they are used, each a pure function of a number.
//!
//! Nothing is kept in memory, so that an engine's private memory is its own, and every order costs the same few
//! nanoseconds whichever engine is measured. `go/workload.go` is the same text in Go; the sums that the engines report
//! are compared with `model.rs`, so that a difference between the two is an error.

/// How the 16 bytes of a key look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyStyle {
    /// Sixteen bytes spread evenly over all there are.
    Uniform,
    /// The index as sixteen decimal digits: long common prefixes.
    Decimal,
}

pub const KEY_LEN: usize = 16;
pub type Key = [u8; KEY_LEN];

/// Values up to this length have bytes that differ throughout; longer ones differ in their first sixteen bytes, so
/// that making them costs nothing beside storing them.
const VARIED_LEN_MAX: usize = 4096;
/// How many different places of the pool a varied value may start at, in bytes.
const POOL_SPREAD: usize = 1 << 16;

/// The finalizer of splitmix64: a bijection that mixes all bits.
#[inline]
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The upper half of the product: scales a random `a` to less than `b`.
#[inline]
fn scale(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// The keys 0 to `count - 1`, in ascending order of their index.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    pub count: u64,
    style: KeyStyle,
    stride: u64,
}

impl Keys {
    pub fn new(count: u64, style: KeyStyle) -> Keys {
        Keys { count, style, stride: u64::MAX / count.max(1) }
    }

    #[inline]
    pub fn key(&self, index: u64) -> Key {
        match self.style {
            KeyStyle::Uniform => {
                let high = index * self.stride + scale(mix(index), self.stride);
                let low = mix(index ^ 0x5851_F42D_4C95_7F2D);
                let mut key = [0; KEY_LEN];
                key[..8].copy_from_slice(&high.to_be_bytes());
                key[8..].copy_from_slice(&low.to_be_bytes());
                key
            }
            KeyStyle::Decimal => {
                let mut key = [b'0'; KEY_LEN];
                let mut rest = index;
                for digit in key.iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
                key
            }
        }
    }

    /// The index of the `step`th random draw of a stream: with repetition.
    #[inline]
    pub fn draw(&self, seed: u64, step: u64) -> u64 {
        scale(mix(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(step)), self.count)
    }

    /// The index at the `step`th place of a random order of all indexes.
    #[inline]
    pub fn shuffled(&self, seed: u64, step: u64) -> u64 {
        let half_bits = ((64 - (self.count - 1).leading_zeros()).max(2)).div_ceil(2);
        let mask = (1u64 << half_bits) - 1;
        let mut index = step;
        loop {
            let (mut left, mut right) = (index >> half_bits, index & mask);
            for round in 0..4u64 {
                let mixed = mix(right ^ (seed << 32) ^ (round << 56)) & mask;
                (left, right) = (right, left ^ mixed);
            }
            index = (left << half_bits) | right;
            if index < self.count {
                return index;
            }
        }
    }
}

/// What the first eight bytes of every value of a key are, whatever its version.
#[inline]
pub fn tag(index: u64) -> u64 {
    mix(index ^ 0xA076_1D64_78BD_642F)
}

/// Makes values in one buffer.
pub struct Values {
    pool: Vec<u8>,
    buffer: Vec<u8>,
    buffer_offset: usize,
}

impl Values {
    pub fn new(len: usize) -> Values {
        let mut pool = Vec::with_capacity(len + POOL_SPREAD + 8);
        let mut word = 0u64;
        while pool.len() < len + POOL_SPREAD {
            pool.extend_from_slice(&mix(word ^ 0xE703_7ED1_A0B4_28DB).to_le_bytes());
            word += 1;
        }
        Values { pool, buffer: vec![0; len], buffer_offset: usize::MAX }
    }

    /// The value of the key at `index` in its `version`: the tag, the version, then bytes of the pool.
    #[inline]
    pub fn value(&mut self, index: u64, version: u64) -> &[u8] {
        let tag = tag(index);
        let len = self.buffer.len();
        let varied = len <= VARIED_LEN_MAX;
        let offset = if varied { (mix(tag ^ version) as usize % POOL_SPREAD) & !7 } else { 0 };
        if varied || self.buffer_offset != offset {
            self.buffer.copy_from_slice(&self.pool[offset..offset + len]);
            self.buffer_offset = offset;
        }
        let mut head = [0; 16];
        head[..8].copy_from_slice(&tag.to_le_bytes());
        head[8..].copy_from_slice(&version.to_le_bytes());
        let head_len = len.min(16);
        self.buffer[..head_len].copy_from_slice(&head[..head_len]);
        &self.buffer
    }
}

/// The eight bytes at `offset` as a number; 0 where the slice is too short for them.
#[inline]
fn word(bytes: &[u8], offset: usize) -> u64 {
    match bytes.get(offset..offset + 8) {
        Some(word) => u64::from_le_bytes(word.try_into().expect("eight bytes")),
        None => 0,
    }
}

/// A sum over an entry as it was read: touches the key and both ends of the value. Sums of entries are added up.
#[inline]
pub fn entry_sum(key: &[u8], value: &[u8]) -> u64 {
    let of_key = word(key, 0) ^ word(key, 8).wrapping_mul(3);
    of_key ^ value_sum(value).rotate_left(32)
}

/// A sum over a value as it was read: its length, both its ends, and of a long one a word in each 4096 bytes, so that
/// whoever hands out long values without copying them has them fetched, too.
#[inline]
pub fn value_sum(value: &[u8]) -> u64 {
    let last = word(value, value.len().wrapping_sub(8));
    let mut sum = word(value, 0) ^ word(value, 8).wrapping_mul(5) ^ last.wrapping_mul(7) ^ value.len() as u64;
    let mut offset = VARIED_LEN_MAX;
    while offset < value.len() {
        sum = sum.wrapping_add(word(value, offset));
        offset += VARIED_LEN_MAX;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ascend_with_their_index_in_both_styles() {
        for style in [KeyStyle::Uniform, KeyStyle::Decimal] {
            let keys = Keys::new(10_007, style);
            for index in 1..keys.count {
                assert!(keys.key(index - 1) < keys.key(index), "{style:?} {index}");
            }
        }
    }

    #[test]
    fn a_shuffled_order_has_every_index_once() {
        for count in [1, 2, 3, 1000, 4096, 10_007] {
            let keys = Keys::new(count, KeyStyle::Uniform);
            let mut seen = vec![false; count as usize];
            for step in 0..count {
                let index = keys.shuffled(7, step) as usize;
                assert!(!seen[index], "{index} of {count} twice");
                seen[index] = true;
            }
        }
    }

    #[test]
    fn a_value_says_whose_it_is_and_of_which_version() {
        for len in [8, 10, 16, 100, 5000] {
            let mut values = Values::new(len);
            let first = values.value(3, 0).to_vec();
            assert_eq!(word(&first, 0), tag(3));
            assert_eq!(first.len(), len);
            let other_key = values.value(4, 0).to_vec();
            assert_ne!(value_sum(&first), value_sum(&other_key));
            let other_version = values.value(3, 1).to_vec();
            assert_eq!(first == other_version, len == 8, "{len}");
            assert_eq!(values.value(3, 0), first, "the same again");
        }
    }
}
