//! The engine: T-SQL over SQLite.
pub mod meta;
pub mod calendar;
pub mod collation;
pub mod compiled;
pub mod convert;
pub mod convert_temporal;
pub mod convert_text;
pub mod decimal;
pub mod encode;
pub mod parse_temporal;
pub mod type_rules;
