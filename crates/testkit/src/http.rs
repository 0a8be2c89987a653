//! Just enough of an HTTP/1.1 client for admin endpoints on loopback: one request, one connection, whole answers.
//!
//! It is no HTTP client for traffic under test.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A whole HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body, decoded from chunks if need be.
    pub body: String,
}

/// Sends a request without body; blocks until the whole answer is there.
///
/// # Errors
/// When there is no connection, no answer in time, or what comes is not HTTP.
pub fn request(address: SocketAddr, method: &str, path: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    read_response(BufReader::new(stream))
}

fn read_response(mut from: impl BufRead) -> io::Result<Response> {
    let status_line = read_line(&mut from)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| malformed(&status_line))?;
    let mut chunked = false;
    let mut length = None;
    loop {
        let line = read_line(&mut from)?.to_ascii_lowercase();
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(("content-length", value)) => length = Some(value.parse().map_err(|_| malformed(&line))?),
            Some(_) => {}
            None => break,
        }
    }
    let body = if chunked {
        read_chunks(from)?
    } else {
        read_rest(from, length)?
    };
    Ok(Response {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn read_rest(from: impl Read, length: Option<u64>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    from.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
    if length.is_some_and(|length| length != body.len() as u64) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn read_chunks(mut from: impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(&mut from)?;
        let size = u64::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(read_rest(&mut from, Some(size))?);
        read_line(&mut from)?;
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> io::Result<Response> {
        read_response(text.as_bytes())
    }

    #[test]
    fn bodies_end_by_length_chunks_or_close() {
        let bodies = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nLIVE\nrest",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nLI\r\n3\r\nVE\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nLIVE\n",
        ];
        for text in bodies {
            assert_eq!(
                parse(text).unwrap(),
                Response {
                    status: 200,
                    body: "LIVE\n".to_owned()
                }
            );
        }
    }

    #[test]
    fn half_an_answer_is_an_error() {
        for text in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLI",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nLI",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "what?\r\n\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
