//! That no object of a text has a key twice: two readers of such an object may see different values.

use smallvec::SmallVec;

use super::scan::{JsonError, Kind, Scanner, Value, inside};
use super::text::Decoded;

/// Most members of one object that is checked. Request bodies hold tool schemas, not tables.
pub const OBJECT_MEMBERS_MAX: usize = 16_384;

/// What is wrong with an object's keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFault {
    /// A key stands twice; its second opening quote, or the later one of a big object's pair.
    Twice(u32),
    /// More than [`OBJECT_MEMBERS_MAX`] members; the first one too many.
    TooMany(u32),
    /// Not JSON.
    Json(JsonError),
}

/// Looks at every object in `body`. Time is n log n in the number of keys, memory 12 bytes per key that is open.
pub fn check(body: &[u8]) -> Result<(), KeyFault> {
    let mut scan = Scanner::new(body);
    let mut keys: Vec<Value> = Vec::new();
    // Open containers: where their keys begin, or none for an array.
    let mut open: SmallVec<[Option<usize>; 16]> = SmallVec::new();
    let mut first = enter(&mut scan, &keys, &mut open)?;
    while let Some(&container) = open.last() {
        let more = match container {
            Some(start) => match scan.next_key(first).map_err(KeyFault::Json)? {
                Some(key) => {
                    take(body, &mut keys, start, key)?;
                    true
                }
                None => {
                    close(body, &mut keys, start)?;
                    false
                }
            },
            None => scan.next_item(first).map_err(KeyFault::Json)?,
        };
        first = false;
        if more {
            first = enter(&mut scan, &keys, &mut open)?;
        } else {
            open.pop();
        }
    }
    scan.end().map_err(KeyFault::Json)
}

/// Up to so many keys each new one is compared with all before it; above, they are sorted when the object closes.
const LINEAR_MAX: usize = 16;

/// Enters a container, or passes over anything else. Tells whether it entered.
fn enter(scan: &mut Scanner<'_>, keys: &[Value], open: &mut SmallVec<[Option<usize>; 16]>) -> Result<bool, KeyFault> {
    match scan.kind().map_err(KeyFault::Json)? {
        Kind::Object => scan.enter_object().map(|_| open.push(Some(keys.len()))),
        Kind::Array => scan.enter_array().map(|_| open.push(None)),
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Plain | Kind::Escaped => {
            return scan.skip().map(|_| false).map_err(KeyFault::Json);
        }
    }
    .map(|()| true)
    .map_err(KeyFault::Json)
}

fn take(body: &[u8], keys: &mut Vec<Value>, start: usize, key: Value) -> Result<(), KeyFault> {
    let before = keys.get(start..).unwrap_or_default();
    if before.len() >= OBJECT_MEMBERS_MAX {
        return Err(KeyFault::TooMany(key.span.start));
    }
    if before.len() < LINEAR_MAX && before.iter().any(|&other| same(body, other, key)) {
        return Err(KeyFault::Twice(key.span.start));
    }
    keys.push(key);
    Ok(())
}

fn close(body: &[u8], keys: &mut Vec<Value>, start: usize) -> Result<(), KeyFault> {
    if let Some(all) = keys.get_mut(start..).filter(|all| all.len() > LINEAR_MAX) {
        all.sort_by(|&one, &other| compare(body, one, other));
        let twice = all.windows(2).find_map(|pair| match pair {
            &[one, other] if same(body, one, other) => Some(one.span.start.max(other.span.start)),
            _different => None,
        });
        if let Some(offset) = twice {
            return Err(KeyFault::Twice(offset));
        }
    }
    keys.truncate(start);
    Ok(())
}

fn same(body: &[u8], one: Value, other: Value) -> bool {
    compare(body, one, other).is_eq()
}

fn compare(body: &[u8], one: Value, other: Value) -> std::cmp::Ordering {
    if one.kind == Kind::Plain && other.kind == Kind::Plain {
        return inside(body, one).cmp(inside(body, other));
    }
    Decoded::new(inside(body, one)).cmp(Decoded::new(inside(body, other)))
}
