//! Data types.

use super::{Parser, syntax_error};
use crate::error::{SqlError, SqlResult};
use crate::tsql::lexer::Kind;
use crate::types::{Length, SqlType};

/// What a character or binary type without a length means.
///
/// <https://learn.microsoft.com/sql/t-sql/data-types/char-and-varchar-transact-sql#remarks>
#[derive(Clone, Copy)]
enum Unsized {
    /// 1, in declarations.
    Declared = 1,
    /// 30, in CAST and CONVERT.
    Cast = 30,
}

/// The parenthesised facets of a type.
enum Facets {
    None,
    One(u32),
    Two(u32, u32),
    Max,
}

impl Parser<'_> {
    /// A type of a column, variable or parameter.
    pub(super) fn data_type(&mut self) -> SqlResult<SqlType> {
        self.type_with(Unsized::Declared)
    }

    /// A type in CAST or CONVERT.
    pub(super) fn cast_type(&mut self) -> SqlResult<SqlType> {
        let name = self.slice(self.token()).trim_matches(['[', ']', '"']).to_owned();
        self.type_with(Unsized::Cast).map_err(|error| match error.number {
            2715 => SqlError { message: format!("Type {name} is not a defined system type."), number: 243, ..error },
            _ => error,
        })
    }

    fn type_with(&mut self, default: Unsized) -> SqlResult<SqlType> {
        let line = self.line();
        let name = self.type_name()?;
        if name == "xml" && self.is("(") {
            return self.unsupported("typed xml");
        }
        let facets = self.facets()?;
        self.resolve_type(&name, facets, default as u16).map_err(|error| error.at_line(line))
    }

    /// The name in lower case, the multi-word ones of the standard replaced by their T-SQL synonyms.
    fn type_name(&mut self) -> SqlResult<String> {
        let national = self.eat("NATIONAL");
        if self.eat("DOUBLE") {
            self.expect("PRECISION")?;
            return Ok("float".to_owned());
        }
        let mut name = self.name()?;
        while self.eat(".") {
            let owner = name;
            name = self.name()?;
            if !owner.eq_ignore_ascii_case("sys") {
                return Err(unknown_type(&format!("{owner}.{name}")));
            }
        }
        name.make_ascii_lowercase();
        let varying = matches!(name.as_str(), "char" | "character" | "nchar" | "binary") && self.eat("VARYING");
        let text = match (name.as_str(), varying) {
            ("character", false) => "char",
            ("char" | "character", true) => "varchar",
            ("nchar", true) => "nvarchar",
            ("binary", true) => "varbinary",
            ("dec" | "numeric", _) => "decimal",
            ("integer", _) => "int",
            (other, _) => other,
        };
        Ok(match (national, text) {
            (false, text) => text.to_owned(),
            (true, "char" | "varchar") => format!("n{text}"),
            (true, _) => return Err(self.syntax_error()),
        })
    }

    fn facets(&mut self) -> SqlResult<Facets> {
        if !self.eat("(") {
            return Ok(Facets::None);
        }
        if self.eat("MAX") {
            self.expect(")")?;
            return Ok(Facets::Max);
        }
        let first = self.facet()?;
        let facets = if self.eat(",") { Facets::Two(first, self.facet()?) } else { Facets::One(first) };
        self.expect(")")?;
        Ok(facets)
    }

    fn facet(&mut self) -> SqlResult<u32> {
        if self.kind() != Kind::Integer {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        Ok(self.slice(token).parse().unwrap_or(u32::MAX))
    }

    fn resolve_type(&self, name: &str, facets: Facets, default: u16) -> SqlResult<SqlType> {
        let fixed = |ty: SqlType| match facets {
            Facets::None => Ok(ty),
            _ => Err(SqlError::new(
                2716,
                format!("Column, parameter, or variable #1: Cannot specify a column width on data type {name}."),
            )),
        };
        match name {
            "bit" => fixed(SqlType::Bit),
            "tinyint" => fixed(SqlType::TinyInt),
            "smallint" => fixed(SqlType::SmallInt),
            "int" => fixed(SqlType::Int),
            "bigint" => fixed(SqlType::BigInt),
            "money" => fixed(SqlType::Money),
            "smallmoney" => fixed(SqlType::SmallMoney),
            "real" => fixed(SqlType::Real),
            "date" => fixed(SqlType::Date),
            "datetime" => fixed(SqlType::DateTime),
            "smalldatetime" => fixed(SqlType::SmallDateTime),
            "uniqueidentifier" => fixed(SqlType::UniqueIdentifier),
            "sysname" => fixed(SqlType::NVarChar(Length::N(128))),
            "decimal" => decimal(&facets),
            "float" => float(&facets),
            "time" => scaled(&facets).map(SqlType::Time),
            "datetime2" => scaled(&facets).map(SqlType::DateTime2),
            "datetimeoffset" => scaled(&facets).map(SqlType::DateTimeOffset),
            "char" => fixed_length(name, &facets, default, 8000).map(SqlType::Char),
            "nchar" => fixed_length(name, &facets, default, 4000).map(SqlType::NChar),
            "binary" => fixed_length(name, &facets, default, 8000).map(SqlType::Binary),
            "varchar" => length(name, &facets, default, 8000).map(SqlType::VarChar),
            "nvarchar" => length(name, &facets, default, 4000).map(SqlType::NVarChar),
            "varbinary" => length(name, &facets, default, 8000).map(SqlType::VarBinary),
            "text" => fixed(SqlType::Text),
            "ntext" => fixed(SqlType::NText),
            "image" => fixed(SqlType::Image),
            "xml" => fixed(SqlType::Xml),
            "sql_variant" => fixed(SqlType::SqlVariant),
            "rowversion" | "timestamp" => fixed(SqlType::RowVersion),
            "hierarchyid" => fixed(SqlType::HierarchyId),
            "geometry" => fixed(SqlType::Geometry),
            "geography" => fixed(SqlType::Geography),
            "json" => fixed(SqlType::Json),
            "vector" | "cursor" => Err(SqlError::unsupported(format!("data type {name}"))),
            _ => Err(unknown_type(name)),
        }
    }
}

fn unknown_type(name: &str) -> SqlError {
    SqlError::new(2715, format!("Column, parameter, or variable #1: Cannot find data type {name}."))
}

fn decimal(facets: &Facets) -> SqlResult<SqlType> {
    let (precision, scale) = match *facets {
        Facets::None => (18, 0),
        Facets::One(precision) => (precision, 0),
        Facets::Two(precision, scale) => (precision, scale),
        Facets::Max => return Err(syntax_error(102, "Incorrect syntax near 'max'.".to_owned(), 1)),
    };
    if precision > 38 {
        let message = format!(
            "Column or parameter #1: Specified column precision {precision} is greater than the maximum precision of 38."
        );
        return Err(SqlError::new(2750, message));
    }
    if precision == 0 {
        return Err(syntax_error(1001, "Line 1: Length or precision specification 0 is invalid.".to_owned(), 1));
    }
    if scale > precision {
        return Err(syntax_error(192, "The scale must be less than or equal to the precision.".to_owned(), 1));
    }
    Ok(SqlType::Decimal { precision: precision as u8, scale: scale as u8 })
}

fn float(facets: &Facets) -> SqlResult<SqlType> {
    match *facets {
        Facets::None | Facets::One(25..=53) => Ok(SqlType::Float),
        Facets::One(1..=24) => Ok(SqlType::Real),
        Facets::One(n) => {
            Err(syntax_error(1001, format!("Line 1: Length or precision specification {n} is invalid."), 1))
        }
        _ => Err(syntax_error(102, "Incorrect syntax near ','.".to_owned(), 1)),
    }
}

fn scaled(facets: &Facets) -> SqlResult<u8> {
    match *facets {
        Facets::None => Ok(7),
        Facets::One(scale @ 0..=7) => Ok(scale as u8),
        Facets::One(scale) => Err(syntax_error(1002, format!("Line 1: Specified scale {scale} is invalid."), 1)),
        _ => Err(syntax_error(102, "Incorrect syntax near ','.".to_owned(), 1)),
    }
}

fn length(name: &str, facets: &Facets, default: u16, limit: u32) -> SqlResult<Length> {
    match facets {
        Facets::Max => Ok(Length::Max),
        _ => fixed_length(name, facets, default, limit).map(Length::N),
    }
}

fn fixed_length(name: &str, facets: &Facets, default: u16, limit: u32) -> SqlResult<u16> {
    match *facets {
        Facets::None => Ok(default),
        Facets::One(0) => {
            Err(syntax_error(1001, "Line 1: Length or precision specification 0 is invalid.".to_owned(), 1))
        }
        Facets::One(n) if n <= limit => Ok(n as u16),
        Facets::One(n) => {
            let what = format!("The size ({n}) given to the type '{name}' exceeds the maximum allowed");
            if n > 8000 {
                return Err(syntax_error(131, format!("{what} for any data type (8000)."), 1));
            }
            Err(SqlError::new(2717, format!("{what} ({limit}).")))
        }
        Facets::Two(..) => Err(syntax_error(102, "Incorrect syntax near ','.".to_owned(), 1)),
        Facets::Max => Err(syntax_error(102, "Incorrect syntax near 'max'.".to_owned(), 1)),
    }
}
