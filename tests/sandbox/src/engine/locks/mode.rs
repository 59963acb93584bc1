//! Lock modes and which of them go together.
//!
//! Source: the compatibility matrices of
//! <https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide#lock-compatibility>.

/// A lock mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Schema stability: a statement is compiled or runs.
    SchemaStability,
    /// Schema modification: DDL.
    SchemaModification,
    /// Intent shared.
    IntentShared,
    /// Shared.
    Shared,
    /// Update.
    Update,
    /// Intent exclusive.
    IntentExclusive,
    /// Shared with intent exclusive.
    SharedIntentExclusive,
    /// Exclusive.
    Exclusive,
}

use Mode::{
    Exclusive, IntentExclusive, IntentShared, SchemaModification, SchemaStability, Shared, SharedIntentExclusive,
    Update,
};

impl Mode {
    /// Whether two sessions may hold these modes on one resource. The relation is symmetric.
    pub fn is_compatible(self, other: Self) -> bool {
        match self {
            SchemaModification => false,
            SchemaStability => other != SchemaModification,
            IntentShared => !matches!(other, Exclusive | SchemaModification),
            Shared => matches!(other, SchemaStability | IntentShared | Shared | Update),
            Update => matches!(other, SchemaStability | IntentShared | Shared),
            IntentExclusive => matches!(other, SchemaStability | IntentShared | IntentExclusive),
            SharedIntentExclusive => matches!(other, SchemaStability | IntentShared),
            Exclusive => other == SchemaStability,
        }
    }

    /// Whether who holds this mode needs no other lock for `wanted`.
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted
            || match self {
                SchemaModification => true,
                Exclusive => wanted != SchemaModification,
                SharedIntentExclusive => {
                    matches!(wanted, SchemaStability | IntentShared | Shared | IntentExclusive)
                }
                Update => matches!(wanted, SchemaStability | IntentShared | Shared),
                Shared | IntentExclusive => matches!(wanted, SchemaStability | IntentShared),
                IntentShared => wanted == SchemaStability,
                SchemaStability => false,
            }
    }

    /// `request_mode` of `sys.dm_tran_locks`, and the end of a wait type's name.
    pub fn name(self) -> &'static str {
        match self {
            SchemaStability => "Sch-S",
            SchemaModification => "Sch-M",
            IntentShared => "IS",
            Shared => "S",
            Update => "U",
            IntentExclusive => "IX",
            SharedIntentExclusive => "SIX",
            Exclusive => "X",
        }
    }

    /// The wait type of who waits for it.
    pub fn wait_type(self) -> &'static str {
        match self {
            SchemaStability => "LCK_M_SCH_S",
            SchemaModification => "LCK_M_SCH_M",
            IntentShared => "LCK_M_IS",
            Shared => "LCK_M_S",
            Update => "LCK_M_U",
            IntentExclusive => "LCK_M_IX",
            SharedIntentExclusive => "LCK_M_SIX",
            Exclusive => "LCK_M_X",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Mode; 8] = [
        SchemaStability,
        SchemaModification,
        IntentShared,
        Shared,
        Update,
        IntentExclusive,
        SharedIntentExclusive,
        Exclusive,
    ];

    #[test]
    fn the_matrix_is_the_documented_one() {
        let table = [IntentShared, Shared, Update, IntentExclusive, SharedIntentExclusive, Exclusive];
        let documented = ["yyyyyn", "yyynnn", "yynnnn", "ynnynn", "ynnnnn", "nnnnnn"];
        for (held, row) in table.into_iter().zip(documented) {
            for (asked, answer) in table.into_iter().zip(row.chars()) {
                assert_eq!(held.is_compatible(asked), answer == 'y', "{} beside {}", asked.name(), held.name());
            }
        }
        for mode in ALL {
            assert_eq!(mode.is_compatible(SchemaStability), mode != SchemaModification);
            assert!(!mode.is_compatible(SchemaModification));
        }
    }

    #[test]
    fn a_mode_covers_only_what_conflicts_with_no_more_than_it_does() {
        for held in ALL {
            for other in ALL {
                assert_eq!(held.is_compatible(other), other.is_compatible(held));
                if held.covers(other) {
                    let weaker = ALL.into_iter().all(|third| other.is_compatible(third) || !held.is_compatible(third));
                    assert!(weaker, "{} covers {}", held.name(), other.name());
                }
            }
        }
    }
}
