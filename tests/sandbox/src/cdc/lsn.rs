//! Log sequence numbers.
//!
//! SQL Server's are ten bytes: a virtual log file, a log block in it, a record in that. Here they are cut from one counter of
//! transactions: 40 bits of transaction, 40 bits within it. The begin record comes first, each row after it, the commit last,
//! so that, as in a real log, all LSNs of a transaction lie between its begin and its commit, and commits order transactions.

/// Bits for what lies within a transaction.
const WITHIN: u32 = 40;
const WITHIN_MASK: u128 = (1 << WITHIN) - 1;
const LSN_MASK: u128 = (1 << 80) - 1;
/// The first transaction of a new database: the log starts at virtual log file 0x20.
pub const FIRST_TRANSACTION: u64 = 0x20 << 8;

/// A log sequence number, `binary(10)`, compared as its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(u128);

impl Lsn {
    /// `0x00000000000000000000`: before everything.
    pub const ZERO: Self = Self(0);

    /// The commit of a transaction: its `__$start_lsn`.
    pub fn commit(transaction: u64) -> Self {
        Self((u128::from(transaction) << WITHIN | WITHIN_MASK) & LSN_MASK)
    }

    /// The begin of a transaction.
    pub fn begin(transaction: u64) -> Self {
        Self(u128::from(transaction) << WITHIN & LSN_MASK)
    }

    /// A place within a transaction: 0 is its begin.
    pub fn within(transaction: u64, place: u64) -> Self {
        Self(Self::begin(transaction).0 | u128::from(place) & WITHIN_MASK)
    }

    /// The transaction it belongs to.
    pub fn transaction(self) -> u64 {
        (self.0 >> WITHIN) as u64
    }

    /// `sys.fn_cdc_increment_lsn`.
    pub fn next(self) -> Self {
        Self((self.0 + 1) & LSN_MASK)
    }

    /// `sys.fn_cdc_decrement_lsn`.
    pub fn previous(self) -> Self {
        Self(self.0.wrapping_sub(1) & LSN_MASK)
    }

    /// Its ten bytes.
    pub fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&self.0.to_be_bytes()[6..]);
        bytes
    }

    /// As the log's own views write it: file, block and record, parted by colons.
    pub fn log_text(self) -> String {
        format!("{:08x}:{:08x}:{:04x}", self.0 >> 48, self.0 >> 16 & 0xffff_ffff, self.0 & 0xffff)
    }

    /// From ten bytes; shorter ones are filled with zeros on the right, as a conversion to `binary(10)` does.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 10 {
            return None;
        }
        let mut wide = [0; 16];
        wide[6..6 + bytes.len()].copy_from_slice(bytes);
        Some(Self(u128::from_be_bytes(wide)))
    }
}

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{:020X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_lie_between_begin_and_commit_and_transactions_do_not_overlap() {
        let (first, second) = (FIRST_TRANSACTION, FIRST_TRANSACTION + 1);
        let order = [
            Lsn::begin(first),
            Lsn::within(first, 1),
            Lsn::within(first, 1 << 39),
            Lsn::commit(first),
            Lsn::begin(second),
        ];
        assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(order.windows(2).all(|pair| pair[0].to_bytes() < pair[1].to_bytes()));
        assert_eq!(Lsn::commit(first).next(), Lsn::begin(second));
        assert_eq!(Lsn::begin(second).previous(), Lsn::commit(first));
        assert_eq!(Lsn::commit(first).transaction(), first);
    }

    #[test]
    fn bytes_and_text_are_those_of_binary_10() {
        let lsn = Lsn::begin(FIRST_TRANSACTION);
        assert_eq!(lsn.to_string(), "0x00000020000000000000");
        assert_eq!(lsn.next().log_text(), "00000020:00000000:0001");
        assert_eq!(Lsn::from_bytes(&lsn.to_bytes()), Some(lsn));
        assert_eq!(Lsn::from_bytes(&[0, 0, 0, 0x20]), Some(lsn));
        assert_eq!(Lsn::from_bytes(&[0; 11]), None);
    }
}
