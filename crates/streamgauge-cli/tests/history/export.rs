//! `export`: the file of the program that streamgauge re-creates, and everything exact.

use serde_json::json;

use crate::command::history;
use crate::stored::{INHERITED, Stored};

#[test]
fn sessions_and_bytes_are_under_the_keys_of_the_original() {
    let stored = Stored::viewers();
    let json = history(stored.path(), &["export"]).json();
    let expected = json!({
        "edge-1:198.51.100.7:4000:news": {
            "location": "edge-1", "peer": "198.51.100.7:4000", "reference": "news",
            "total_sessions": 1, "total_rxbytes": 100, "total_txbytes": 2000,
        },
        "edge-1:198.51.100.7:4001:news": {
            "location": "edge-1", "peer": "198.51.100.7:4001", "reference": "news",
            "total_sessions": 2, "total_rxbytes": 10, "total_txbytes": 500,
        },
        "edge-1:203.0.113.9:sports": {
            "location": "edge-1", "peer": "203.0.113.9", "reference": "sports",
            "total_sessions": 7, "total_rxbytes": 1, "total_txbytes": 90_000,
        },
        "edge-2:203.0.113.9:news": {
            "location": "edge-2", "peer": "203.0.113.9", "reference": "news",
            "total_sessions": 1, "total_rxbytes": 4000, "total_txbytes": 2,
        },
    });
    assert_eq!(json, json!({ "sessions": expected }));
}

#[test]
fn keys_that_join_alike_are_told_apart_and_said_so() {
    let stored = Stored::empty();
    let rows = [
        (["a", "b:c", "d"], [1, 1, 0, 0, 0]),
        (["a:b", "c", "d"], [1, 2, 0, 0, 0]),
        (["a", "b", "c:d (2)"], [1, 4, 0, 0, 0]),
    ];
    stored.save("http", &rows, [0; 5]);
    let ran = history(stored.path(), &["export"]);
    assert_eq!(ran.status, 0);
    ran.complains(&["1 stood for others too"]);
    let sessions = serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()["sessions"].clone();
    assert_eq!(sessions["a:b:c:d"]["total_rxbytes"], 1);
    assert_eq!(sessions["a:b:c:d (2)"]["total_rxbytes"], 4);
    assert_eq!(sessions["a:b:c:d (3)"]["total_rxbytes"], 2);
}

#[test]
fn json_and_csv_have_everything() {
    let stored = Stored::with_partial_row();
    let json = history(stored.path(), &["export", "--format", "json"]).json();
    assert_eq!(json["collector"], "http");
    assert_eq!(json["saved_at"], "2026-01-02T03:04:05.25Z");
    assert_eq!(json["rows"].as_array().unwrap().len(), 4);
    assert_eq!(
        json["rows"][0],
        json!({
            "location": "edge-1", "peer": "198.51.100.7:4000", "reference": "news", "sessions": 1, "rx_bytes": 100,
            "tx_bytes": 2000, "rx_packets": 3, "tx_packets": 4, "partial": false, "inherited": 0,
        })
    );
    assert_eq!(
        (&json["rows"][3]["partial"], &json["rows"][3]["inherited"]),
        (&json!(true), &json!(INHERITED))
    );
    assert_eq!(
        json["discarded"],
        json!({
            "sessions": 3, "rx_bytes": 30, "tx_bytes": 0, "rx_packets": 1, "tx_packets": 0,
        })
    );
    let csv = history(stored.path(), &["export", "--format", "csv"]).report();
    assert_eq!(
        csv,
        "account,location,peer,reference,sessions,rx_bytes,tx_bytes,rx_packets,tx_packets,partial,inherited\n\
                     history,edge-1,198.51.100.7:4000,news,1,100,2000,3,4,false,0\n\
                     history,edge-1,198.51.100.7:4001,news,2,10,500,1,1,false,0\n\
                     history,edge-1,203.0.113.9,sports,7,1,90000,1,60,false,0\n\
                     history,edge-2,203.0.113.9,news,1,4000,2,5,1,true,12\n\
                     discarded,,,,3,30,0,1,0,false,0\n"
    );
}
