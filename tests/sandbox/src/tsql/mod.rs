//! T-SQL: syntax tree and parser.

pub mod ast;
mod keywords;
mod lexer;
pub mod modules;
pub mod outside;
mod parser;
pub mod security;

pub use parser::{ParameterDeclaration, parse_batch, parse_expr, parse_parameters, parse_type};
