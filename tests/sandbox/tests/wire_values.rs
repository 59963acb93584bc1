//! Every type's values are what the client sent or is to read.
#![allow(clippy::unwrap_used)]

mod scripted;

use sandbox::server::{ServerOptions, TlsMode};
use sandbox::types::{Datum, Length, SqlType};
use scripted::{column, config, connect, start, try_connect};
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};
use tiberius::{ColumnData, TokenRow, Uuid};

fn plain() -> ServerOptions {
    ServerOptions { tls: TlsMode::Off, ..ServerOptions::default() }
}

fn text(value: &str) -> (Datum, ColumnData<'static>) {
    (Datum::String(value.into()), ColumnData::String(Some(value.to_owned().into())))
}

fn binary(value: &[u8]) -> (Datum, ColumnData<'static>) {
    (Datum::Binary(value.into()), ColumnData::Binary(Some(value.to_vec().into())))
}

/// A type, a value, and the same as the client holds it.
fn samples() -> Vec<(SqlType, Datum, ColumnData<'static>)> {
    const NOON: u64 = 432_000_000_000;
    let guid = *b"0123456789abcdef";
    let big = "ž中𝄞".repeat(30_000);
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let with = |ty: SqlType, (datum, data): (Datum, ColumnData<'static>)| (ty, datum, data);
    let mut samples = vec![
        (SqlType::Bit, Datum::Bit(true), ColumnData::Bit(Some(true))),
        (SqlType::TinyInt, Datum::TinyInt(255), ColumnData::U8(Some(255))),
        (SqlType::SmallInt, Datum::SmallInt(i16::MIN), ColumnData::I16(Some(i16::MIN))),
        (SqlType::Int, Datum::Int(i32::MIN), ColumnData::I32(Some(i32::MIN))),
        (SqlType::BigInt, Datum::BigInt(i64::MAX), ColumnData::I64(Some(i64::MAX))),
        (SqlType::Real, Datum::Real(1.5e-30), ColumnData::F32(Some(1.5e-30))),
        (SqlType::Float, Datum::Float(0.1), ColumnData::F64(Some(0.1))),
        (SqlType::Money, Datum::Money(-1_234_567), ColumnData::F64(Some(-123.4567))),
        (SqlType::SmallMoney, Datum::Money(99), ColumnData::F64(Some(0.0099))),
        (SqlType::Date, Datum::Date(738_000), ColumnData::Date(Some(Date::new(738_000)))),
        (
            SqlType::DateTime,
            Datum::DateTime { days: -53_690, ticks: 25_919_999 },
            ColumnData::DateTime(Some(DateTime::new(-53_690, 25_919_999))),
        ),
        (
            SqlType::SmallDateTime,
            Datum::SmallDateTime { days: 65_535, minutes: 1_439 },
            ColumnData::SmallDateTime(Some(SmallDateTime::new(65_535, 1_439))),
        ),
        (SqlType::UniqueIdentifier, Datum::Guid(guid), ColumnData::Guid(Some(Uuid::from_bytes(guid)))),
        with(SqlType::Char(5), text("ab€  ")),
        with(SqlType::VarChar(Length::N(10)), text("Grüße")),
        with(SqlType::VarChar(Length::Max), text(&"Größe".repeat(5_000))),
        with(SqlType::NChar(4), text("中  x")),
        with(SqlType::NVarChar(Length::N(4000)), text("")),
        with(SqlType::NVarChar(Length::N(4)), text("𝄞𝄞")),
        with(SqlType::NVarChar(Length::Max), text("")),
        with(SqlType::NVarChar(Length::Max), text(&big)),
        with(SqlType::Binary(3), binary(&[0, 1, 255])),
        with(SqlType::VarBinary(Length::N(8000)), binary(&bytes[..8000])),
        with(SqlType::VarBinary(Length::Max), binary(&[])),
        with(SqlType::VarBinary(Length::Max), binary(&bytes)),
    ];
    for (precision, scale) in [(5, 0), (18, 4), (28, 10), (38, 38)] {
        let unscaled = 10i128.pow(precision) - 1;
        let data = ColumnData::Numeric(Some(Numeric::new_with_scale(-unscaled, scale)));
        let ty = SqlType::Decimal { precision: precision as u8, scale };
        samples.push((ty, Datum::Decimal { unscaled: -unscaled, scale }, data));
    }
    for scale in 0..=7 {
        let increments = NOON / 10u64.pow(7 - u32::from(scale));
        let time = Time::new(increments, scale);
        let datetime2 = DateTime2::new(Date::new(3_652_058), time);
        samples.extend([
            (SqlType::Time(scale), Datum::Time(NOON), ColumnData::Time(Some(time))),
            (
                SqlType::DateTime2(scale),
                Datum::DateTime2 { days: 3_652_058, ticks: NOON },
                ColumnData::DateTime2(Some(datetime2)),
            ),
            (
                SqlType::DateTimeOffset(scale),
                Datum::DateTimeOffset { days: 3_652_058, ticks: NOON, offset: -839 },
                ColumnData::DateTimeOffset(Some(DateTimeOffset::new(datetime2, -839))),
            ),
        ]);
    }
    samples
}

#[tokio::test]
async fn results_of_every_type_read_equal_whatever_the_packet_size() {
    for packet_size in [512, 4096, 32_767] {
        let (server, script) = start(plain());
        let samples = samples();
        {
            let mut script = script.lock().unwrap();
            script.columns =
                samples.iter().enumerate().map(|(at, (ty, ..))| column(&format!("c{at}"), *ty, at % 2 == 0)).collect();
            script.rows = vec![samples.iter().map(|(_, datum, _)| datum.clone()).collect(); 3];
        }
        let mut config = config(&server);
        config.packet_size(packet_size);
        let mut client = try_connect(config).await.unwrap();
        let rows = client.simple_query("table").await.unwrap().into_first_result().await.unwrap();
        assert_eq!(rows.len(), 3);
        for row in rows {
            for ((ty, _, expected), (_, actual)) in samples.iter().zip(row.cells()) {
                assert_eq!(actual, expected, "{ty:?}");
            }
        }
    }
}

#[tokio::test]
async fn nulls_read_as_nulls_whether_few_or_many() {
    let (server, script) = start(plain());
    let samples = samples();
    let full: Vec<Datum> = samples.iter().map(|(_, datum, _)| datum.clone()).collect();
    let nulls = vec![Datum::Null; full.len()];
    let mut one_null = full.clone();
    one_null[3] = Datum::Null;
    {
        let mut script = script.lock().unwrap();
        script.columns = samples.iter().map(|(ty, ..)| column("c", *ty, true)).collect();
        script.rows = vec![nulls, full, one_null];
    }
    let mut client = connect(&server).await;
    let rows = client.simple_query("table").await.unwrap().into_first_result().await.unwrap();
    let is_null = |data: &ColumnData<'_>| format!("{data:?}").ends_with("(None)");
    assert!(rows[0].cells().all(|(_, data)| is_null(data)));
    assert!(rows[1].cells().all(|(_, data)| !is_null(data)));
    assert!(rows[2].cells().enumerate().all(|(at, (_, data))| is_null(data) == (at == 3)));
}

#[tokio::test]
async fn parameters_of_every_type_arrive_equal() {
    let (server, script) = start(plain());
    let mut client = connect(&server).await;
    for (ty, datum, data) in samples() {
        // The client has no money (it sends what it reads from one as a float) and counts a digit too many in numerics below 1.
        if matches!(ty, SqlType::Money | SqlType::SmallMoney | SqlType::Decimal { precision: 38, scale: 38 }) {
            continue;
        }
        let row = client.query("SELECT @P1", &[&data]).await.unwrap().into_row().await.unwrap().unwrap();
        assert_eq!(row.cells().next().unwrap().1, &data, "{ty:?} came back changed");
        let (procedure, params) = script.lock().unwrap().calls.pop().unwrap();
        assert_eq!(procedure, "sp_executesql");
        assert_eq!(params[0].value, Datum::String("SELECT @P1".into()));
        assert_eq!((params[2].name.as_str(), &params[2].value), ("@P1", &datum), "{ty:?}");
    }
}

#[tokio::test]
async fn bulk_loads_of_every_type_arrive_equal() {
    let (server, script) = start(plain());
    // The client has no money, and takes no value of more than 65,535 bytes for a (max) column.
    let too_long = |datum: &Datum| {
        matches!(datum, Datum::String(text) if text.len() > 65_535)
            || matches!(datum, Datum::Binary(bytes) if bytes.len() > 65_535)
    };
    let samples: Vec<_> = samples()
        .into_iter()
        .filter(|(ty, datum, _)| !matches!(ty, SqlType::Money | SqlType::SmallMoney) && !too_long(datum))
        .collect();
    script.lock().unwrap().columns = samples.iter().map(|(ty, ..)| column("c", *ty, true)).collect();
    let mut client = connect(&server).await;
    let mut load = client.bulk_insert("target").await.unwrap();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let mut row = TokenRow::new();
        for (_, _, data) in &samples {
            row.push(data.clone());
        }
        load.send(row).await.unwrap();
        expected.push(samples.iter().map(|(_, datum, _)| datum.clone()).collect::<Vec<_>>());
    }
    let result = load.finalize().await.unwrap();
    assert_eq!(result.total(), 5);
    assert_eq!(script.lock().unwrap().loaded, expected);
    assert_eq!(scripted::value(&mut client, "user").await, "sa");
}
