//! The beginning of a TLS connection, as far as a proxy looks at it that does not end TLS itself.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::task::MeshTask;

const LIMIT: Duration = Duration::from_secs(10);

impl MeshTask {
    /// What a TCP server says to a client that begins TLS and asks for a name, up to the end of the line; nothing when
    /// there is no connection or it ends before.
    pub async fn says_to_tls(&self, place: &str, name: &str) -> String {
        let mut line = String::new();
        if let Ok(mut stream) = self.tcp(place).await
            && stream.write_all(&client_hello(name)).await.is_ok()
        {
            let mut stream = BufReader::new(stream);
            // A connection that ends has said nothing.
            let _ = tokio::time::timeout(LIMIT, stream.read_line(&mut line)).await;
        }
        line
    }
}

/// A `ClientHello` of TLS 1.3 (RFC 8446, section 4.1.2) with `server_name` (RFC 6066, section 3).
fn client_hello(name: &str) -> Vec<u8> {
    let host = [&[0], with_length(name.as_bytes(), 2).as_slice()].concat();
    let server_name = extension(0, &with_length(&host, 2));
    let versions = extension(43, &[2, 3, 4]);
    let extensions = with_length(&[server_name, versions].concat(), 2);
    let (version, random, no_session) = ([3, 3], [7; 32], [0]);
    let (suites, no_compression) = (with_length(&[0x13, 0x01], 2), [1, 0]);
    let body = [
        &version[..],
        &random,
        &no_session,
        &suites,
        &no_compression,
        &extensions,
    ]
    .concat();
    let handshake = [&[1], with_length(&body, 3).as_slice()].concat();
    [&[22, 3, 1], with_length(&handshake, 2).as_slice()].concat()
}

fn extension(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[0, kind], with_length(content, 2).as_slice()].concat()
}

/// Bytes after their number, which takes so many bytes itself.
fn with_length(content: &[u8], bytes: usize) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[length.len() - bytes..], content].concat()
}
