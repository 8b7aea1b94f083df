//! Where a string stops being plain: the loop in which long bodies spend their time.
//!
//! Blocks of 64 bytes are tested at once for anything special, by a loop that vectorises; short strings and the ends
//! of long ones go by words of eight bytes.

/// Bytes before the first quote, backslash or control character; sets `non_ascii` if one of them is above 127 (or,
/// harmlessly, if one shortly behind them is).
#[inline]
pub(super) fn plain_run(text: &[u8], non_ascii: &mut bool) -> usize {
    let (words, _) = text.as_chunks::<8>();
    // Most strings are keys and short words: look at two words before the wide loop pays.
    for (index, word) in words.iter().take(2).enumerate() {
        let word = u64::from_le_bytes(*word);
        *non_ascii |= word & HIGH != 0;
        if let Some(at) = first_special(word) {
            return index * 8 + at;
        }
    }
    let mut done = 8 * words.len().min(2);
    let (blocks, _) = text.get(done..).unwrap_or_default().as_chunks::<64>();
    for block in blocks {
        let (special, high) = survey(block);
        *non_ascii |= high;
        if special {
            break;
        }
        done += 64;
    }
    let (words, rest) = text.get(done..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        *non_ascii |= word & HIGH != 0;
        if let Some(at) = first_special(word) {
            return done + at;
        }
        done += 8;
    }
    for &byte in rest {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            return done;
        }
        *non_ascii |= byte >= 0x80;
        done += 1;
    }
    done
}

/// Whether a block holds a special byte, and whether it holds one above 127. No branch inside: it vectorises.
#[inline]
fn survey(block: &[u8; 64]) -> (bool, bool) {
    let mut special = 0;
    let mut high = 0;
    for &byte in block {
        special |= u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
        high |= byte;
    }
    (special != 0, high >= 0x80)
}

const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Index of the first quote, backslash or control character of eight bytes.
///
/// "Determine if a word has a byte less than n": <https://graphics.stanford.edu/~seander/bithacks.html>. A borrow can
/// raise false alarms only above a true one, so the lowest is always true.
#[inline]
fn first_special(word: u64) -> Option<usize> {
    let zero = |x: u64| x.wrapping_sub(LOW) & !x;
    let quote = zero(word ^ (LOW * 0x22));
    let backslash = zero(word ^ (LOW * 0x5c));
    let control = word.wrapping_sub(LOW * 0x20) & !word;
    let found = (quote | backslash | control) & HIGH;
    if found == 0 { None } else { usize::try_from(found.trailing_zeros() / 8).ok() }
}
