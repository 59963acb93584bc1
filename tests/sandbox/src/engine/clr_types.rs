//! `hierarchyid`, `geometry` and `geography`: kept as the bytes that clients see, checked to be bytes of the type, never looked into
//! otherwise. Their methods are refused.
//!
//! Source: <https://learn.microsoft.com/openspecs/sql_server_protocols/ms-ssclrt/> (the bytes),
//! <https://learn.microsoft.com/sql/t-sql/data-types/hierarchyid-data-type-method-reference> (their order is that of a depth-first
//! walk, which the bytes of a `hierarchyid` have).

use crate::error::{SqlError, SqlResult};
use crate::types::SqlType;

use super::type_rules::type_name;

/// Most bytes of a `hierarchyid`.
pub const MAX_HIERARCHY_BYTES: usize = 892;

/// The bit patterns of a node's label, longest prefix told apart by its own bits: `x` is any bit, `T` is 1 where the node ends and 0
/// where the label goes on after a dot.
const LABELS: &[&str] = &[
    "000100xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT",
    "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT",
    "000110xxxxx0xxx0x1xxxT",
    "0010xx0x1xxxT",
    "00111xxxT",
    "01xxT",
    "100xxT",
    "101xxxT",
    "110xx0x1xxxT",
    "1110xxx0xxx0x1xxxT",
    "11110xxxxx0xxx0x1xxxT",
    "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT",
    "111111xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT",
];

/// Takes bytes for a value of one of these types; what is not the serialised form of one is refused, where a real server raises an
/// error of the .NET Framework (6522).
pub fn check(bytes: &[u8], ty: &SqlType) -> SqlResult<()> {
    let fits = match ty {
        SqlType::HierarchyId => bytes.len() <= MAX_HIERARCHY_BYTES && is_hierarchy(bytes),
        _ => is_shape(bytes).unwrap_or(false),
    };
    if fits { Ok(()) } else { Err(SqlError::unsupported(format!("bytes that are no {}", type_name(ty)))) }
}

fn is_hierarchy(bytes: &[u8]) -> bool {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let mut at = 0;
    let mut ended = true;
    // What is left at the end is less than a byte of zeros.
    while bits[at..].contains(&1) {
        let Some(label) = LABELS.iter().find(|label| matches(label, &bits[at..])) else { return false };
        at += label.len();
        ended = bits[at - 1] == 1;
    }
    ended && bits.len() - at < 8
}

fn matches(label: &str, bits: &[u8]) -> bool {
    label.len() <= bits.len()
        && label.bytes().zip(bits).all(|(pattern, bit)| match pattern {
            b'0' => *bit == 0,
            b'1' => *bit == 1,
            _ => true,
        })
}

/// Whether the parts of a shape add up to its bytes; `None` when they end too early.
fn is_shape(bytes: &[u8]) -> Option<bool> {
    const HAS_Z: u8 = 0x01;
    const HAS_M: u8 = 0x02;
    const POINT: u8 = 0x08;
    const SEGMENT: u8 = 0x10;
    const POINT_BYTES: usize = 16;
    const COORDINATE_BYTES: usize = 8;
    const FIGURE_BYTES: usize = 5;
    const SHAPE_BYTES: usize = 9;
    let srid = i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let (version, flags) = (*bytes.get(4)?, *bytes.get(5)?);
    if srid < 0 || !(1..=2).contains(&version) {
        return Some(false);
    }
    let coordinates = usize::from(flags & HAS_Z != 0) + usize::from(flags & HAS_M != 0);
    let point = POINT_BYTES + coordinates * COORDINATE_BYTES;
    let mut rest = &bytes[6..];
    if flags & (POINT | SEGMENT) != 0 {
        return Some(rest.len() == point * if flags & POINT != 0 { 1 } else { 2 });
    }
    for size in [point, FIGURE_BYTES, SHAPE_BYTES] {
        rest = counted(rest, size)?;
    }
    if version == 2 && !rest.is_empty() {
        rest = counted(rest, 1)?;
    }
    Some(rest.is_empty())
}

/// What follows a count and that many things of a size.
fn counted(bytes: &[u8], size: usize) -> Option<&[u8]> {
    let count = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    bytes[4..].get(usize::try_from(count).ok()?.checked_mul(size)?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_paths_are_told_from_others() {
        for path in [&[][..], &[0x58], &[0x5A, 0xC0], &[0x5B, 0x40], &[0x84], &[0x3F, 0x80]] {
            assert!(check(path, &SqlType::HierarchyId).is_ok(), "{path:02x?}");
        }
        for other in [&[0x00][..], &[0x01], &[0x50], &[0x58, 0x00], &[0x5A]] {
            assert!(check(other, &SqlType::HierarchyId).is_err(), "{other:02x?}");
        }
        assert!(check(&[0x5A; 893], &SqlType::HierarchyId).is_err());
    }

    #[test]
    fn bytes_of_shapes_add_up() {
        let point = [&[0xE6, 0x10, 0, 0, 1, 0x0C][..], &[0; 16]].concat();
        assert!(check(&point, &SqlType::Geography).is_ok());
        assert!(check(&point[..21], &SqlType::Geography).is_err());
        // No points, one figure-less shape: an empty collection.
        let empty = [&[0, 0, 0, 0, 1, 4][..], &[0; 8], &[1, 0, 0, 0], &[0xFF; 8], &[7]].concat();
        assert!(check(&empty, &SqlType::Geometry).is_ok());
        assert!(check(&empty[..empty.len() - 1], &SqlType::Geometry).is_err());
        assert!(check(&[], &SqlType::Geometry).is_err());
    }
}
