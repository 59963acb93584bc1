//! T-SQL: syntax tree and parser.
pub mod ast;
