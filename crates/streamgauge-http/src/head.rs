//! What the head of a message takes on the wire, by a formula: a service sees heads parsed, never as they were sent.
//!
//! **HTTP/1** (1.0, 1.1, 0.9): the head as it is serialized, with one space and CRLF where the grammar has them.
//!
//! * request: `method SP target SP HTTP/1.1 CRLF`, then the fields, then CRLF;
//! * response: `HTTP/1.1 SP code SP reason CRLF`, then the fields, then CRLF, with the reason that RFC 9110 has for the code;
//! * field: `name: value CRLF`;
//! * trailers: their fields.
//!
//! That is exact for what common clients send. What the server adds behind the layer (`date`, `content-length`,
//! `transfer-encoding`, `connection`), the framing of chunks and a `100 Continue` are not in it.
//!
//! **HTTP/2**: a frame's header of 9 bytes, and 1 byte for each field, pseudo-header fields included (RFC 9113, 4.1; RFC
//! 7541, 6.1: an indexed field takes 1 byte or more). It is a floor: how much more a field takes is up to the state of the
//! connection's compression, which no service sees, and belongs to the connection ([`Overhead`](crate::Overhead)). Fields
//! that HTTP/2 has no place for (RFC 9113, 8.2.2) are not sent, and count nothing. HTTP/3 is counted alike.

use std::fmt::{self, Write as _};

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version, header};

/// `: ` and CRLF.
const FIELD_DELIMITERS_BYTES: u64 = 4;
const CRLF_BYTES: u64 = 2;
/// `HTTP/1.1`.
const VERSION_BYTES: u64 = 8;
/// RFC 9113, 4.1.
const FRAME_HEADER_BYTES: u64 = 9;
/// RFC 7541, 6.1: an index below 127.
const INDEXED_FIELD_BYTES: u64 = 1;

/// What the head of a request takes, in bytes.
///
/// ```
/// use http::Request;
/// use streamgauge_http::request_head_bytes;
///
/// let request = Request::get("/live").header("host", "a.example").body(()).unwrap();
/// assert_eq!(request_head_bytes(&request), "GET /live HTTP/1.1\r\nhost: a.example\r\n\r\n".len() as u64);
/// ```
///
/// Cost: a pass over the fields; no alloc.
#[must_use]
pub fn request_head_bytes<B>(request: &Request<B>) -> u64 {
    request_head(
        request.version(),
        request.method(),
        request.uri(),
        request.headers(),
    )
}

/// What the head of a response to a request of this version takes, in bytes. The version of the response itself is not
/// looked at: services leave it as it is by default, and servers write that of the request.
///
/// ```
/// use http::{Response, Version};
/// use streamgauge_http::response_head_bytes;
///
/// let response = Response::builder().header("etag", "7").body(()).unwrap();
/// assert_eq!(response_head_bytes(Version::HTTP_11, &response), "HTTP/1.1 200 OK\r\netag: 7\r\n\r\n".len() as u64);
/// assert_eq!(response_head_bytes(Version::HTTP_2, &response), 9 + 2);
/// ```
///
/// Cost: a pass over the fields; no alloc.
#[must_use]
pub fn response_head_bytes<B>(version: Version, response: &Response<B>) -> u64 {
    let fields = fields_bytes(version, response.headers());
    if is_binary(version) {
        return FRAME_HEADER_BYTES + INDEXED_FIELD_BYTES + fields;
    }
    VERSION_BYTES + status_bytes(response.status()) + CRLF_BYTES + fields + CRLF_BYTES
}

/// What the trailers of a message take, in bytes.
///
/// Cost: a pass over the fields; no alloc.
#[must_use]
pub fn trailers_bytes(version: Version, trailers: &HeaderMap) -> u64 {
    let fields = fields_bytes(version, trailers);
    if is_binary(version) {
        return FRAME_HEADER_BYTES + fields;
    }
    fields
}

pub(crate) fn request_head(version: Version, method: &Method, uri: &Uri, headers: &HeaderMap) -> u64 {
    let fields = fields_bytes(version, headers);
    if is_binary(version) {
        let pseudo = [
            true,
            uri.scheme().is_some(),
            uri.authority().is_some(),
            uri.path_and_query().is_some(),
        ];
        let pseudo = length(pseudo.iter().filter(|is_there| **is_there).count());
        return FRAME_HEADER_BYTES + pseudo * INDEXED_FIELD_BYTES + fields;
    }
    let mut target = Length(0);
    // A length takes all that is written to it, and a URI is written without an error of its own.
    let _ = write!(target, "{uri}");
    let spaces = 2;
    length(method.as_str().len()) + target.0 + spaces + VERSION_BYTES + CRLF_BYTES + fields + CRLF_BYTES
}

/// ` 200 OK`.
fn status_bytes(status: StatusCode) -> u64 {
    let spaces_and_code = 5;
    spaces_and_code + length(status.canonical_reason().unwrap_or_default().len())
}

fn fields_bytes(version: Version, headers: &HeaderMap) -> u64 {
    if is_binary(version) {
        let sent = headers.iter().filter(|(name, _)| !is_of_connection(name)).count();
        return length(sent) * INDEXED_FIELD_BYTES;
    }
    headers
        .iter()
        .map(|(name, value)| length(name.as_str().len() + value.len()) + FIELD_DELIMITERS_BYTES)
        .sum()
}

/// Whether heads are compressed: in HTTP/2, and since.
fn is_binary(version: Version) -> bool {
    version >= Version::HTTP_2
}

/// Fields about the connection, which HTTP/2 has not: RFC 9113, 8.2.2.
fn is_of_connection(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || *name == "keep-alive"
        || *name == "proxy-connection"
}

/// Counts what is written to it.
struct Length(u64);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += length(text.len());
        Ok(())
    }
}

/// A length in memory, as a count of bytes.
pub(crate) fn length(bytes: usize) -> u64 {
    // No memory is longer than 64 bits can say.
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{request_head_bytes, response_head_bytes, trailers_bytes};
    use http::{HeaderMap, Method, Request, Response, Version};

    fn assert_request(method: Method, target: &str, text: &str) {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "a.example")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        assert_eq!(request_head_bytes(&request), text.len() as u64, "{text}");
    }

    #[test]
    fn requests_of_http1_are_counted_as_they_are_written_in_each_form_of_target() {
        let fields = "host: a.example\r\ncookie: a=1\r\ncookie: b=2\r\n\r\n";
        assert_request(Method::GET, "/a?b=c", &format!("GET /a?b=c HTTP/1.1\r\n{fields}"));
        assert_request(
            Method::POST,
            "http://a.example:81/",
            &format!("POST http://a.example:81/ HTTP/1.1\r\n{fields}"),
        );
        assert_request(
            Method::CONNECT,
            "a.example:443",
            &format!("CONNECT a.example:443 HTTP/1.1\r\n{fields}"),
        );
        assert_request(Method::OPTIONS, "*", &format!("OPTIONS * HTTP/1.1\r\n{fields}"));
    }

    #[test]
    fn responses_of_http1_have_the_reason_that_belongs_to_the_code() {
        for (status, line) in [
            (101, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            (204, "HTTP/1.1 204 No Content\r\n\r\n"),
            (599, "HTTP/1.1 599 \r\n\r\n"),
        ] {
            let response = Response::builder().status(status).body(()).unwrap();
            assert_eq!(
                response_head_bytes(Version::HTTP_11, &response),
                line.len() as u64
            );
        }
    }

    #[test]
    fn heads_of_http2_are_a_frame_and_a_byte_for_each_field_that_is_sent() {
        let request = Request::get("https://a.example/a")
            .version(Version::HTTP_2)
            .header("cookie", "a=1")
            .header("te", "trailers")
            .body(())
            .unwrap();
        assert_eq!(request_head_bytes(&request), 9 + 4 + 2);
        let response = Response::builder()
            .header("etag", "7")
            .header("connection", "close")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .body(())
            .unwrap();
        assert_eq!(response_head_bytes(Version::HTTP_2, &response), 9 + 1 + 1);
    }

    #[test]
    fn trailers_are_their_fields_and_in_http2_a_frame() {
        let mut trailers = HeaderMap::new();
        trailers.insert("digest", "abc".parse().unwrap());
        assert_eq!(
            trailers_bytes(Version::HTTP_11, &trailers),
            "digest: abc\r\n".len() as u64
        );
        assert_eq!(trailers_bytes(Version::HTTP_2, &trailers), 9 + 1);
    }
}
