//! One tab-separated line per conversation, for comparison with other programs.
//!
//! Columns: protocol number and name, address and port of the initiator (`a`) and the responder (`b`), packets and bytes
//! from `a` to `b`, packets and bytes from `b` to `a`. What does not exist is `-`; packets without IP are one line, `nonip`.

use std::fmt;
use std::io::{self, Write};

use crate::endpoints::Endpoint;
use crate::measurement::Row;
use crate::protocol;

const HEADER: &str = "proto\tproto_name\ta_ip\ta_port\tb_ip\tb_port\tpkts_ab\tbytes_ab\tpkts_ba\tbytes_ba";

/// Writes the header and the rows in the order given.
pub(super) fn write(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for row in rows {
        match row.conversation.key.protocol() {
            Some(number) => write!(out, "{number}\t{}", protocol::name(number))?,
            None => write!(out, "nonip\tnonip")?,
        }
        let (a, b) = (
            End(row.conversation.initiator()),
            End(row.conversation.responder()),
        );
        let counts = &row.tally;
        writeln!(
            out,
            "\t{a}\t{b}\t{}\t{}\t{}\t{}",
            counts.rx_packets, counts.rx_bytes, counts.tx_packets, counts.tx_bytes
        )?;
    }
    Ok(())
}

/// Address and port, in two columns.
struct End(Option<Endpoint>);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("-\t-"),
            Some(Endpoint { ip, port: None }) => write!(f, "{ip}\t-"),
            Some(Endpoint { ip, port: Some(port) }) => write!(f, "{ip}\t{port}"),
        }
    }
}
