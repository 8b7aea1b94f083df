//! Which values a field can have under some tests.

use crate::hir::Constant;

/// Whether a range from `low` to `high` holds anything.
pub(super) fn in_order(low: &Constant, high: &Constant) -> bool {
    match (low, high) {
        (Constant::Int(a), Constant::Int(b)) => a <= b,
        (Constant::Float(a), Constant::Float(b)) => a <= b,
        (Constant::Clock(a), Constant::Clock(b)) => a <= b,
        (Constant::Weekday(a), Constant::Weekday(b)) => a <= b,
        (_, _) => true,
    }
}
