//! Requests and their responses: batches, calls, transactions, loads, errors, and giving up.
#![allow(clippy::unwrap_used)]

mod raw;
mod scripted;

use futures::TryStreamExt;
use raw::Raw;
use sandbox::server::{ServerOptions, TlsMode};
use sandbox::session::TransactionRequest;
use sandbox::types::{Datum, SqlType};
use scripted::{LIMIT, column, config, connect, start, try_connect, value};
use std::time::Duration;
use tiberius::{ColumnData, TokenRow};

fn plain() -> ServerOptions {
    ServerOptions { tls: TlsMode::Off, ..ServerOptions::default() }
}

#[tokio::test]
async fn a_batch_longer_than_a_packet_arrives_whole() {
    let (server, _script) = start(plain());
    for packet_size in [512, 32_767] {
        let mut config = config(&server);
        config.packet_size(packet_size);
        let mut client = try_connect(config).await.unwrap();
        let long = format!("length {}", "x".repeat(1_000_000));
        assert_eq!(value(&mut client, &long).await, "1000000");
    }
}

#[tokio::test]
async fn each_statement_reports_its_count() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    let counts = client.execute("ignored", &[]).await.unwrap();
    assert_eq!(counts.total(), 0);
    let mut results = client.simple_query("counts").await.unwrap();
    assert!(results.try_next().await.unwrap().is_none());
    drop(results);
    assert_eq!(value(&mut client, "print hello").await, "printed");
}

#[tokio::test]
async fn an_error_reaches_the_client_with_its_number_and_the_connection_goes_on() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    let error = client.simple_query("fail").await.unwrap().into_results().await.unwrap_err();
    let tiberius::error::Error::Server(error) = error else { panic!("{error}") };
    assert_eq!((error.code(), error.line(), error.class()), (547, 3, 16));
    assert_eq!(value(&mut client, "user").await, "sa");
    assert!(client.simple_query("use other").await.unwrap().into_results().await.is_ok());
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_column_is_an_error_not_an_answer() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    let error = client.simple_query("misfit").await.unwrap().into_results().await.unwrap_err();
    assert_eq!(error.code(), Some(50_000));
    assert_eq!(value(&mut client, "user").await, "sa");
}

#[tokio::test]
async fn a_panic_in_a_session_ends_only_that_connection() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    assert_eq!(client.simple_query("panic").await.unwrap_err().code(), Some(50_000));
    assert_eq!(value(&mut connect(&server).await, "user").await, "sa");
}

#[tokio::test]
async fn transaction_requests_carry_the_descriptor_back_and_forth() {
    let (server, script) = start(plain());
    let mut client = connect(&server).await;
    client.begin_transaction().await.unwrap();
    // Refused with 3989 unless the client sends the descriptor it was given.
    assert_eq!(value(&mut client, "user").await, "sa");
    client.save_transaction("here").await.unwrap();
    client.commit_transaction().await.unwrap();
    assert_eq!(value(&mut client, "user").await, "sa");
    client.begin_transaction().await.unwrap();
    client.rollback_transaction().await.unwrap();
    assert_eq!(value(&mut client, "user").await, "sa");
    let begin = TransactionRequest::Begin { isolation: 0, name: String::new() };
    let expected = [
        begin.clone(),
        TransactionRequest::Save { name: "here".into() },
        TransactionRequest::Commit { begin_new: None },
        begin,
        TransactionRequest::Rollback { name: String::new(), begin_new: None },
    ];
    assert_eq!(script.lock().unwrap().transactions, expected);
}

#[tokio::test]
async fn a_procedure_returns_its_status_and_output_parameters() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    let mut command = tiberius::Command::new("dbo.anything");
    command.bind_param("@in", 1i32);
    command.bind_out_param("@out", 2i32);
    let outcome = command.exec(&mut client).await.unwrap().into_command_result().await.unwrap();
    assert_eq!(outcome.return_code(), 5);
    assert_eq!(outcome.try_return_value::<i32>("@out").unwrap(), Some(77));
}

#[tokio::test]
async fn a_large_result_streams_while_the_server_holds_only_a_window_of_it() {
    let (server, script) = start(plain());
    let mut client = connect(&server).await;
    let mut stream = client.simple_query("endless").await.unwrap().into_row_stream();
    assert_eq!(stream.try_next().await.unwrap().unwrap().get::<i64, _>(0), Some(0));
    // The client stops reading: the session must stop producing.
    let produced = || script.lock().unwrap().produced;
    let settled = async {
        let mut last = produced();
        let mut same = 0;
        while same < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            same = if produced() == last { same + 1 } else { 0 };
            last = produced();
        }
        last
    };
    let held = tokio::time::timeout(LIMIT, settled).await.expect("the session goes on producing for nobody");
    for expected in 1..200_000 {
        assert_eq!(stream.try_next().await.unwrap().unwrap().get::<i64, _>(0), Some(expected));
    }
    assert!(held > 0, "and goes on once it reads");
}

#[tokio::test]
async fn an_attention_ends_a_result_half_read() {
    let (server, script) = start(plain());
    let mut raw = Raw::connect(server.local_addr(), scripted::PASSWORD, "").await;
    raw.batch("endless").await;
    let begun = async {
        while script.lock().unwrap().produced == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, begun).await.expect("the result begins");
    raw.attention().await;
    raw::expect_cancelled(&mut raw).await;
    raw.batch("user").await;
    assert_eq!(raw::done_status(&raw.message().await) & (raw::ERROR | raw::ACKNOWLEDGED), 0);
}

#[tokio::test]
async fn an_attention_ends_a_request_that_waits() {
    let (server, script) = start(plain());
    let mut raw = Raw::connect(server.local_addr(), scripted::PASSWORD, "").await;
    for round in 1..=20 {
        raw.batch("sleep").await;
        // In every second round the attention may come before the request has begun.
        while round % 2 == 0 && script.lock().unwrap().sleeping < round {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        raw.attention().await;
        raw::expect_cancelled(&mut raw).await;
        raw.batch("user").await;
        assert_eq!(raw::done_status(&raw.message().await) & (raw::ERROR | raw::ACKNOWLEDGED), 0);
    }
}

#[tokio::test]
async fn an_attention_after_the_response_is_acknowledged_too() {
    let (server, _script) = start(plain());
    let mut client = connect(&server).await;
    for _ in 0..20 {
        assert_eq!(value(&mut client, "user").await, "sa");
        tokio::time::timeout(LIMIT, client.cancel_query()).await.unwrap().unwrap();
    }
    assert_eq!(value(&mut client, "user").await, "sa");
}

#[tokio::test]
async fn a_failed_load_is_read_to_its_end_and_the_connection_goes_on() {
    let (server, script) = start(plain());
    script.lock().unwrap().columns =
        vec![column("id", SqlType::Int, false), column("b", SqlType::VarBinary(sandbox::types::Length::Max), true)];
    let mut client = connect(&server).await;
    let mut load = client.bulk_insert("target").await.unwrap();
    for id in (0..5_000).map(|id| if id == 100 { -1 } else { id }) {
        let mut row = TokenRow::new();
        row.push(ColumnData::I32(Some(id)));
        row.push(ColumnData::Binary(Some(vec![7; 500].into())));
        load.send(row).await.unwrap();
    }
    assert_eq!(load.finalize().await.unwrap_err().code(), Some(2627));
    assert_eq!(script.lock().unwrap().loaded.len(), 100);
    assert_eq!(script.lock().unwrap().loaded[3][0], Datum::Int(3));
    assert_eq!(value(&mut client, "user").await, "sa");
}
