//! A disposable stand-in for SQL Server: TDS 7.4 in front, T-SQL over SQLite behind.
//!
//! It answers as documented or it refuses: what it does not support is a T-SQL error, never a silently different answer.
#![forbid(unsafe_code)]

pub mod cdc;
pub mod client;
pub mod compare;
pub mod demo;
pub mod engine;
pub mod error;
pub mod faults;
pub mod server;
pub mod session;
pub mod tds;
pub mod tsql;
pub mod types;
