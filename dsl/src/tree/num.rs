//! Widths of indexes: `u32` where they are stored by the thousand, `usize` where they are used.

/// An index as the machine wants it. Lossless wherever the crate is built.
pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// An index as it is stored; every limit of [`super::Limits`] keeps counts far below the end of `u32`.
pub(super) fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
