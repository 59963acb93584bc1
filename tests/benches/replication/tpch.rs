//! The tables of TPC-H (its specification, 1.4) and their rows, as crate `tpchgen` makes them.

use tiberius::numeric::Numeric;
use tiberius::time::Date;
use tiberius::{ColumnData, TokenRow};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

/// Rows that are made at once, about.
const ROWS_AT_ONCE: f64 = 100_000.0;

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns with their types.
    columns: &'static [(&'static str, &'static str)],
    /// Its key; the first column of it is an integer.
    pub key: &'static str,
    /// Rows at scale factor 1, about.
    rows: f64,
    /// Makes the rows of a part of so many, as `dbgen` writes them.
    make: fn(f64, i32, i32) -> Vec<String>,
}

macro_rules! maker {
    ($generator:ident) => {
        |scale, part, parts| $generator::new(scale, part, parts).iter().map(|row| row.to_string()).collect()
    };
}

/// All tables, the largest first.
pub const TABLES: [Table; 8] = [
    Table {
        name: "dbo.lineitem",
        columns: &[
            ("l_orderkey", "bigint"),
            ("l_partkey", "int"),
            ("l_suppkey", "int"),
            ("l_linenumber", "int"),
            ("l_quantity", "decimal(15,2)"),
            ("l_extendedprice", "decimal(15,2)"),
            ("l_discount", "decimal(15,2)"),
            ("l_tax", "decimal(15,2)"),
            ("l_returnflag", "char(1)"),
            ("l_linestatus", "char(1)"),
            ("l_shipdate", "date"),
            ("l_commitdate", "date"),
            ("l_receiptdate", "date"),
            ("l_shipinstruct", "char(25)"),
            ("l_shipmode", "char(10)"),
            ("l_comment", "varchar(44)"),
        ],
        key: "l_orderkey, l_linenumber",
        rows: 6_000_000.0,
        make: maker!(LineItemGenerator),
    },
    Table {
        name: "dbo.orders",
        columns: &[
            ("o_orderkey", "bigint"),
            ("o_custkey", "int"),
            ("o_orderstatus", "char(1)"),
            ("o_totalprice", "decimal(15,2)"),
            ("o_orderdate", "date"),
            ("o_orderpriority", "char(15)"),
            ("o_clerk", "char(15)"),
            ("o_shippriority", "int"),
            ("o_comment", "varchar(79)"),
        ],
        key: "o_orderkey",
        rows: 1_500_000.0,
        make: maker!(OrderGenerator),
    },
    Table {
        name: "dbo.partsupp",
        columns: &[
            ("ps_partkey", "int"),
            ("ps_suppkey", "int"),
            ("ps_availqty", "int"),
            ("ps_supplycost", "decimal(15,2)"),
            ("ps_comment", "varchar(199)"),
        ],
        key: "ps_partkey, ps_suppkey",
        rows: 800_000.0,
        make: maker!(PartSuppGenerator),
    },
    Table {
        name: "dbo.part",
        columns: &[
            ("p_partkey", "int"),
            ("p_name", "varchar(55)"),
            ("p_mfgr", "char(25)"),
            ("p_brand", "char(10)"),
            ("p_type", "varchar(25)"),
            ("p_size", "int"),
            ("p_container", "char(10)"),
            ("p_retailprice", "decimal(15,2)"),
            ("p_comment", "varchar(23)"),
        ],
        key: "p_partkey",
        rows: 200_000.0,
        make: maker!(PartGenerator),
    },
    Table {
        name: "dbo.customer",
        columns: &[
            ("c_custkey", "int"),
            ("c_name", "varchar(25)"),
            ("c_address", "varchar(40)"),
            ("c_nationkey", "int"),
            ("c_phone", "char(15)"),
            ("c_acctbal", "decimal(15,2)"),
            ("c_mktsegment", "char(10)"),
            ("c_comment", "varchar(117)"),
        ],
        key: "c_custkey",
        rows: 150_000.0,
        make: maker!(CustomerGenerator),
    },
    Table {
        name: "dbo.supplier",
        columns: &[
            ("s_suppkey", "int"),
            ("s_name", "char(25)"),
            ("s_address", "varchar(40)"),
            ("s_nationkey", "int"),
            ("s_phone", "char(15)"),
            ("s_acctbal", "decimal(15,2)"),
            ("s_comment", "varchar(101)"),
        ],
        key: "s_suppkey",
        rows: 10_000.0,
        make: maker!(SupplierGenerator),
    },
    Table {
        name: "dbo.nation",
        columns: &[
            ("n_nationkey", "int"),
            ("n_name", "char(25)"),
            ("n_regionkey", "int"),
            ("n_comment", "varchar(152)"),
        ],
        key: "n_nationkey",
        rows: 25.0,
        make: maker!(NationGenerator),
    },
    Table {
        name: "dbo.region",
        columns: &[("r_regionkey", "int"), ("r_name", "char(25)"), ("r_comment", "varchar(152)")],
        key: "r_regionkey",
        rows: 5.0,
        make: maker!(RegionGenerator),
    },
];

impl Table {
    /// The statement that makes it, under this name.
    pub fn definition(&self, name: &str) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, declared)| format!("{name} {declared} NOT NULL")).collect();
        format!("CREATE TABLE {name} ({}, PRIMARY KEY ({}))", columns.join(", "), self.key)
    }

    /// The first column of its key.
    pub fn first_key(&self) -> &'static str {
        self.key.split(',').next().unwrap_or(self.key)
    }

    /// How many slices its rows are made in.
    pub fn slices(&self, scale: f64) -> i32 {
        // Nations and regions do not grow, and are made whole whatever is asked for.
        if self.rows < 100.0 { 1 } else { (self.rows * scale / ROWS_AT_ONCE).ceil().max(1.0) as i32 }
    }

    /// The rows of one slice, numbered from 1.
    pub fn slice(&self, scale: f64, slice: i32) -> Vec<TokenRow<'static>> {
        (self.make)(scale, slice, self.slices(scale)).iter().map(|line| self.row(line)).collect()
    }

    fn row(&self, line: &str) -> TokenRow<'static> {
        let mut row = TokenRow::with_capacity(self.columns.len());
        for ((_, declared), text) in self.columns.iter().zip(line.split('|')) {
            let number = || text.parse().expect("dbgen writes integers so");
            row.push(match *declared {
                "int" => ColumnData::I32(Some(i32::try_from(number()).expect("it is small"))),
                "bigint" => ColumnData::I64(Some(number())),
                "date" => ColumnData::Date(Some(Date::new(days(text)))),
                "decimal(15,2)" => ColumnData::Numeric(Some(Numeric::new_with_scale(hundredths(text), 2))),
                _ => ColumnData::String(Some(text.to_owned().into())),
            });
        }
        row
    }
}

fn hundredths(text: &str) -> i128 {
    match text.split_once('.') {
        Some((_, fraction)) if fraction.len() == 2 => text.replace('.', "").parse().expect("dbgen writes decimals so"),
        Some(_) => panic!("{text} has two digits after the point"),
        None => 100 * text.parse::<i128>().expect("dbgen writes quantities so"),
    }
}

/// Days from 0001-01-01 to a date like 1995-03-15.
fn days(text: &str) -> u32 {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().expect("dbgen writes dates so"));
    let mut part = || parts.next().expect("a date has three parts");
    let (year, month, day) = (part(), part(), part());
    // Years from March on, so that the day that leap years have more is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 307
}
