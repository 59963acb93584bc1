//! `@@` functions, which statements read like variables.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/configuration-functions-transact-sql> and its neighbours.

use super::session::SqlSession;
use crate::types::{Datum, Length, SqlType};

/// Product version that the sandbox takes for itself.
pub const PRODUCT_VERSION: &str = "16.0.4135.4";
/// `@@VERSION`.
pub const VERSION_TEXT: &str =
    "Microsoft SQL Server 2022 (sandbox) - 16.0.4135.4 (X64) \n\tDeveloper Edition (64-bit) on SQLite";
/// `@@MICROSOFTVERSION`: major version, minor version and build.
const MICROSOFT_VERSION: i32 = 0x1000_1027;

/// The type of a system variable; `None` if there is none of that name.
pub fn type_of(name: &str) -> Option<SqlType> {
    let text = |n| SqlType::NVarChar(Length::N(n));
    Some(match name.to_ascii_uppercase().as_str() {
        "@@ROWCOUNT" | "@@ERROR" | "@@TRANCOUNT" | "@@LOCK_TIMEOUT" | "@@NESTLEVEL" | "@@TEXTSIZE" | "@@PROCID"
        | "@@OPTIONS" | "@@MICROSOFTVERSION" | "@@MAX_CONNECTIONS" => SqlType::Int,
        "@@IDENTITY" => SqlType::Decimal { precision: 38, scale: 0 },
        "@@SPID" | "@@LANGID" => SqlType::SmallInt,
        "@@DATEFIRST" | "@@MAX_PRECISION" => SqlType::TinyInt,
        "@@DBTS" => SqlType::VarBinary(Length::N(8)),
        "@@VERSION" => text(300),
        "@@SERVERNAME" | "@@SERVICENAME" | "@@LANGUAGE" => text(128),
        _ => return None,
    })
}

/// The value of a system variable in a session; `None` if there is none of that name.
pub fn value_of(session: &SqlSession, name: &str) -> Option<Datum> {
    let state = session.shared.state();
    Some(match name.to_ascii_uppercase().as_str() {
        "@@ROWCOUNT" => Datum::Int(state.row_count.try_into().unwrap_or(i32::MAX)),
        "@@ERROR" => Datum::Int(state.error),
        "@@TRANCOUNT" => Datum::Int(state.tran_count as i32),
        "@@LOCK_TIMEOUT" => Datum::Int(state.options.lock_timeout),
        "@@NESTLEVEL" => Datum::Int(session.level.saturating_sub(1) as i32),
        "@@TEXTSIZE" => Datum::Int(state.options.text_size),
        "@@PROCID" => Datum::Int(state.modules.last().map_or(0, |module| module.object_id)),
        "@@OPTIONS" => Datum::Int(options(&state.options)),
        "@@MICROSOFTVERSION" => Datum::Int(MICROSOFT_VERSION),
        "@@MAX_CONNECTIONS" => Datum::Int(32_767),
        "@@IDENTITY" => state.identity.map_or(Datum::Null, |v| Datum::Decimal { unscaled: i128::from(v), scale: 0 }),
        "@@SPID" => Datum::SmallInt(session.shared.id as i16),
        "@@LANGID" => Datum::SmallInt(0),
        "@@DATEFIRST" => Datum::TinyInt(state.options.date_first),
        "@@MAX_PRECISION" => Datum::TinyInt(38),
        "@@DBTS" => Datum::Binary(state.database.rowversion().last().to_be_bytes().to_vec()),
        "@@VERSION" => Datum::String(VERSION_TEXT.to_owned()),
        "@@SERVERNAME" => Datum::String(session.server().options.server_name.clone()),
        "@@SERVICENAME" => Datum::String("MSSQLSERVER".to_owned()),
        "@@LANGUAGE" => Datum::String("us_english".to_owned()),
        _ => return None,
    })
}

/// `@@OPTIONS`: <https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-user-options-server-configuration-option>.
fn options(options: &super::session_state::Options) -> i32 {
    const ANSI_WARNINGS: i32 = 8;
    const ANSI_PADDING: i32 = 16;
    const ANSI_NULLS: i32 = 32;
    const ARITHABORT: i32 = 64;
    const QUOTED_IDENTIFIER: i32 = 256;
    const ANSI_NULL_DFLT_ON: i32 = 1024;
    const CONCAT_NULL_YIELDS_NULL: i32 = 4096;
    let flag = |on: bool, bit: i32| if on { bit } else { 0 };
    ANSI_WARNINGS
        | ANSI_PADDING
        | ANSI_NULLS
        | ARITHABORT
        | QUOTED_IDENTIFIER
        | ANSI_NULL_DFLT_ON
        | CONCAT_NULL_YIELDS_NULL
        | flag(options.implicit_transactions, 2)
        | flag(options.no_count, 512)
        | flag(options.xact_abort, 16_384)
}
