//! Everything that speaks T-SQL to a SQL Server or an Azure SQL Managed Instance.
//!
//! No other crate holds SQL. Each statement is one async function around one text, with the Microsoft page that describes
//! what it uses linked above it. The TDS client behind it (tiberius) does not show outside of this crate.
//!
//! - [`client`]: connections, statements, streams of rows, bulk loads; [`error`]: what can go wrong there.
//! - [`quote`]: identifiers and literals; the only place that quotes.
//! - [`value`]: values between the wire's types and [`proto::Value`], exactly; `variant`: those of `sql_variant`.
//! - [`database`], [`catalog`], [`predicate`]: facts about databases, tables and filters.
//! - [`cdc`], [`change`], [`marker`]: change data capture and the marker table in it; [`capture_job`]: what fills the change
//!   tables; [`history`]: whether they are still what they were.
//! - [`inspection`]: what is checked before anything is set up. [`permission`]: what a login lacks, and the statement that gives it.
//! - [`snapshot`]: consistent reads of whole tables.
//! - [`apply`], [`staging`]: changing many rows by one statement; [`state`]: the subscription's state; [`schema`]: making tables;
//!   [`alter`]: changing them; [`switch`]: others in their places.
#![forbid(unsafe_code)]

pub mod alter;
pub mod apply;
pub mod call;
pub mod capture_job;
pub mod catalog;
pub mod cdc;
pub mod change;
pub mod client;
pub mod constraint;
pub mod database;
pub mod ddl;
pub mod decode;
pub mod design;
pub mod error;
pub mod extension;
pub mod history;
pub mod inspection;
pub mod load;
pub mod marker;
mod narrow;
pub mod permission;
pub mod predicate;
pub mod procedure;
pub mod quote;
pub mod schema;
pub mod script;
pub mod session;
pub mod snapshot;
pub mod staging;
pub mod state;
pub mod switch;
pub mod value;
mod variant;

pub use client::{Client, Encryption, MAX_PARAMETERS, Parameter, RowStream, ServerOptions};
pub use error::{Error, ErrorKind};
