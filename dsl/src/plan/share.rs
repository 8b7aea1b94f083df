//! The one source of chance in a policy: a hash of a stated key, so that every choice can be replayed.

use std::sync::Arc;

use crate::hir::{Route, Split};

/// Shares count in ten-thousandths.
pub const WHOLE: u32 = 10_000;

/// Where a key falls, in `0..10_000`. The same salt and key fall on the same place in every process and every
/// release: FNV-1a over `salt`, a zero byte and `key`, finished with SplitMix64's mixer.
///
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>, <https://prng.di.unimi.it/splitmix64.c>.
#[must_use]
pub fn place(salt: &str, key: &str) -> u32 {
    let bytes = salt.bytes().chain(std::iter::once(0)).chain(key.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut mixed = hash;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // The high part of the product is below WHOLE.
    u32::try_from((u128::from(mixed) * u128::from(WHOLE)) >> 64).unwrap_or(WHOLE - 1)
}

/// The branch of a split that a key falls on; `None` only for a split without branches.
///
/// The key is the value of [`Split::by`] as text, or the request id where that field is absent or none is named.
#[must_use]
pub fn branch<'s>(split: &'s Split, key: &str) -> Option<&'s Arc<Route>> {
    let place = place(&split.salt, key);
    let found = split.branches.iter().find(|(upto, _)| place < *upto).or_else(|| split.branches.last());
    found.map(|(_, route)| route)
}

/// Whether a request belongs to a sampled share, in per cent; 100 takes all, 0 none.
#[must_use]
pub fn sampled(salt: &str, key: &str, percent: f64) -> bool {
    f64::from(place(salt, key)) < percent * 100.0
}
