//! The Connect protocol as E2B's SDKs speak it to envd: JSON, unary and streaming.
//!
//! The `connectrpc` crate (0.9) was weighed and not taken: it wants generated code and a protobuf runtime for every message
//! and 28,000 lines of server, for a protocol whose JSON half is what follows. Binary messages get 415, compressed ones a clear
//! error; both SDKs send JSON, uncompressed.
//!
//! ```text
//! unary      POST, application/json: the message; answer 200 and the message, or a status and {"code","message"}
//! streaming  POST, application/connect+json: frames [flags 1][length 4, big endian][JSON]; always 200;
//!            the last frame has flag 2 and {} or {"error":{"code","message"}}
//! ```
//!
//! Memory is taken as bytes arrive, never by what a length claims, and no message passes [`MESSAGE_BYTES_MAX`].

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, BufMut, BytesMut};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::time::Duration;

/// The longest message, as connectrpc's default.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Bytes in front of each message of a stream.
const FRAME_HEAD_BYTES: usize = 5;

/// A client may be silent this long in the middle of a message.
const READ_IDLE_MAX: Duration = Duration::from_secs(60);

const FLAG_COMPRESSED: u8 = 0b01;
const FLAG_END: u8 = 0b10;

/// Connect's error codes, those that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    DeadlineExceeded,
    Unauthenticated,
    Unimplemented,
    Unavailable,
    Internal,
}

impl Code {
    /// The name on the wire and the HTTP status of a unary answer, by the Connect specification.
    pub(crate) fn wire(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::AlreadyExists => ("already_exists", StatusCode::CONFLICT),
            Self::PermissionDenied => ("permission_denied", StatusCode::FORBIDDEN),
            Self::ResourceExhausted => ("resource_exhausted", StatusCode::TOO_MANY_REQUESTS),
            Self::FailedPrecondition => ("failed_precondition", StatusCode::BAD_REQUEST),
            Self::DeadlineExceeded => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED),
            Self::Unimplemented => ("unimplemented", StatusCode::NOT_IMPLEMENTED),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// An RPC that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    /// Connect's code.
    pub(crate) code: Code,
    /// The sentence that the caller sees.
    pub(crate) message: String,
}

impl RpcError {
    /// An error with a code and the sentence that the caller sees.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    fn json(&self) -> serde_json::Value {
        json!({ "code": self.code.wire().0, "message": self.message })
    }
}

impl IntoResponse for RpcError {
    fn into_response(self) -> Response {
        let mut response = (self.code.wire().1, axum::Json(self.json())).into_response();
        if response.status().is_server_error() {
            response.headers_mut().insert("should-retry", HeaderValue::from_static("false"));
        }
        response
    }
}

/// How the client talks, from its method and headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One message, one answer.
    Unary,
    /// Frames.
    Stream,
}

/// Why a request to an RPC of `kind` cannot be one, by its method and headers: 405, 415, or an RPC error.
pub(crate) fn refusal(method: &Method, headers: &HeaderMap, kind: Kind) -> Option<Response> {
    if method != Method::POST {
        return Some((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response());
    }
    let (media, encoding) = match kind {
        Kind::Unary => ("application/json", "content-encoding"),
        Kind::Stream => ("application/connect+json", "connect-content-encoding"),
    };
    let given =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if !given.eq_ignore_ascii_case(media) {
        return Some(
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, [("accept-post", media)]).into_response(),
        );
    }
    let version = headers.get("connect-protocol-version");
    let compression = headers.get(encoding);
    let problem = if version.is_some_and(|version| version != "1") {
        RpcError::invalid("connect-protocol-version: must be 1")
    } else if compression.is_some_and(|name| name != "identity") {
        RpcError::new(Code::Unimplemented, format!("{encoding}: only identity is supported"))
    } else {
        return None;
    };
    Some(match kind {
        Kind::Unary => problem.into_response(),
        Kind::Stream => stream_error(&problem),
    })
}

/// What `Connect-Timeout-Ms` says, if it is there. Zero is a deadline that has passed.
///
/// # Errors
///
/// `invalid_argument` unless it is 1 to 10 digits, as the specification has it.
pub(crate) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, RpcError> {
    let Some(value) = headers.get("connect-timeout-ms") else { return Ok(None) };
    let digits = |text: &&str| {
        (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let ms = value.to_str().ok().filter(digits).and_then(|text| text.parse().ok());
    let ms = ms.ok_or_else(|| RpcError::invalid("connect-timeout-ms: must be 1 to 10 digits"))?;
    Ok(Some(Duration::from_millis(ms)))
}

/// Reads a unary request's message.
///
/// # Errors
///
/// `resource_exhausted` past [`MESSAGE_BYTES_MAX`], `deadline_exceeded` on a silent client, `invalid_argument` for what is not
/// this message.
pub(crate) async fn read_message<T: DeserializeOwned>(body: Body) -> Result<T, RpcError> {
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut stream).await? {
        if bytes.len() + chunk.len() > MESSAGE_BYTES_MAX {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    parse(&bytes)
}

/// A unary answer.
pub(crate) fn message(message: &impl Serialize) -> Response {
    axum::Json(message).into_response()
}

async fn next_chunk(stream: &mut axum::body::BodyDataStream) -> Result<Option<Bytes>, RpcError> {
    match tokio::time::timeout(READ_IDLE_MAX, stream.next()).await {
        Err(_) => {
            Err(RpcError::new(Code::DeadlineExceeded, "the request's body stopped in the middle"))
        }
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(_))) => Err(RpcError::invalid("the request's body broke off")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RpcError> {
    serde_json::from_slice(bytes).map_err(|error| RpcError::invalid(format!("message: {error}")))
}

fn too_long() -> RpcError {
    RpcError::new(
        Code::ResourceExhausted,
        format!("message: longer than {MESSAGE_BYTES_MAX} bytes"),
    )
}

/// Cuts a request's bytes into messages.
#[derive(Debug, Default)]
pub(crate) struct Decoder(BytesMut);

impl Decoder {
    /// Adds bytes as they arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole message, if it is there.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` for a length past the limit, `invalid_argument` for flags that a client may not send.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, RpcError> {
        let Some(head) = self.0.first_chunk::<FRAME_HEAD_BYTES>() else { return Ok(None) };
        let [flags, length @ ..] = *head;
        if flags & FLAG_COMPRESSED != 0 {
            return Err(RpcError::invalid(
                "frame: compressed, but no connect-content-encoding was agreed",
            ));
        }
        if flags != 0 {
            return Err(RpcError::invalid(format!("frame: flags {flags:#04x} are not a client's")));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(too_long());
        }
        if self.0.len() - FRAME_HEAD_BYTES < length {
            return Ok(None);
        }
        self.0.advance(FRAME_HEAD_BYTES);
        Ok(Some(self.0.split_to(length).freeze()))
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_cut(&self) -> bool {
        !self.0.is_empty()
    }
}

/// The messages of a streaming request.
pub(crate) struct Messages {
    body: axum::body::BodyDataStream,
    decoder: Decoder,
}

impl Messages {
    /// The messages of `body`.
    pub(crate) fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), decoder: Decoder::default() }
    }

    /// The next message; `None` at the end of the request.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next`], and `invalid_argument` for a request that ends in the middle of a message.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        loop {
            if let Some(bytes) = self.decoder.next()? {
                return parse(&bytes).map(Some);
            }
            // Between messages a client may be silent for as long as it likes: it keeps alive by what it sends.
            let chunk = if self.decoder.is_cut() {
                next_chunk(&mut self.body).await?
            } else {
                self.body
                    .next()
                    .await
                    .transpose()
                    .map_err(|_| RpcError::invalid("the request's body broke off"))?
            };
            match chunk {
                Some(chunk) => self.decoder.push(&chunk),
                None if self.decoder.is_cut() => return Err(RpcError::invalid("frame: cut off")),
                None => return Ok(None),
            }
        }
    }

    /// The one message of a server-streaming request.
    ///
    /// # Errors
    ///
    /// As [`Messages::next`], and `invalid_argument` if there is none or more than one.
    pub(crate) async fn only<T: DeserializeOwned>(mut self) -> Result<T, RpcError> {
        let none = || RpcError::invalid("frame: the request has no message");
        let message = self.next().await?.ok_or_else(none)?;
        // To the end, since HTTP/1.1 uses a connection again only when the request was read whole.
        loop {
            if self.decoder.next()?.is_some() {
                return Err(RpcError::invalid("frame: the request has more than one message"));
            }
            let Some(chunk) = next_chunk(&mut self.body).await? else { break };
            self.decoder.push(&chunk);
        }
        if self.decoder.is_cut() {
            return Err(RpcError::invalid("frame: cut off"));
        }
        Ok(message)
    }
}

/// A frame that carries a message.
pub(crate) fn frame(message: &impl Serialize) -> Bytes {
    encode(0, message)
}

/// The last frame of a stream.
pub(crate) fn end_frame(end: &Result<(), RpcError>) -> Bytes {
    match end {
        Ok(()) => encode(FLAG_END, &json!({})),
        Err(error) => encode(FLAG_END, &json!({ "error": error.json() })),
    }
}

fn encode(flags: u8, message: &impl Serialize) -> Bytes {
    let mut out = BytesMut::with_capacity(128).writer();
    out.get_mut().extend_from_slice(&[flags, 0, 0, 0, 0]);
    serde_json::to_writer(&mut out, message).expect("our messages are JSON");
    let mut out = out.into_inner();
    let length = u32::try_from(out.len() - FRAME_HEAD_BYTES).expect("our messages are short");
    out[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    out.freeze()
}

/// A streaming answer.
pub(crate) fn stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/connect+json")], body).into_response()
}

/// A streaming answer that is an error from the start.
pub(crate) fn stream_error(error: &RpcError) -> Response {
    stream(Body::from(end_frame(&Err(error.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn framed(flags: u8, content: &[u8]) -> Vec<u8> {
        let mut frame = vec![flags];
        frame.extend((content.len() as u32).to_be_bytes());
        frame.extend(content);
        frame
    }

    #[test]
    fn a_claimed_length_takes_no_memory_and_is_bounded() {
        let mut decoder = Decoder::default();
        decoder.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.next().unwrap_err().code, Code::ResourceExhausted);
        let mut decoder = Decoder::default();
        decoder.push(&[0, 0, 0x40, 0, 0]);
        assert_eq!(decoder.next(), Ok(None));
        assert!(decoder.0.capacity() < 1024 && decoder.is_cut());
        let mut decoder = Decoder::default();
        decoder.push(&[0, 0, 0x40, 0, 1]);
        assert_eq!(decoder.next().unwrap_err().code, Code::ResourceExhausted);
    }

    #[test]
    fn flags_of_a_client_are_zero() {
        for flags in 1..=255u8 {
            let mut decoder = Decoder::default();
            decoder.push(&framed(flags, b"{}"));
            assert_eq!(decoder.next().unwrap_err().code, Code::InvalidArgument, "{flags}");
        }
    }

    #[test]
    fn timeouts_are_one_to_ten_digits() {
        let ask = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("connect-timeout-ms", HeaderValue::from_static(value));
            timeout(&headers)
        };
        assert_eq!(timeout(&HeaderMap::new()), Ok(None));
        assert_eq!(ask("60000"), Ok(Some(Duration::from_secs(60))));
        assert_eq!(ask("9999999999"), Ok(Some(Duration::from_millis(9_999_999_999))));
        for bad in ["", "-1", "+1", "1.5", "10000000000", "1s", " 1", "NaN"] {
            assert_eq!(ask(bad).unwrap_err().code, Code::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn headers_are_checked() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(k, v)| ((*k).parse().unwrap(), HeaderValue::from_static(v)))
                .collect()
        };
        let status = |method: Method, pairs: &[(&'static str, &'static str)]| {
            refusal(&method, &headers(pairs), Kind::Unary)
                .map(|response| response.status().as_u16())
        };
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(status(Method::POST, &[json, ("connect-protocol-version", "1")]), None);
        assert_eq!(status(Method::POST, &[json, ("content-encoding", "identity")]), None);
        assert_eq!(status(Method::POST, &[json, ("content-encoding", "gzip")]), Some(501));
        assert_eq!(status(Method::POST, &[json, ("connect-protocol-version", "2")]), Some(400));
        assert_eq!(status(Method::GET, &[json]), Some(405));
        assert_eq!(status(Method::POST, &[("content-type", "application/proto")]), Some(415));
        assert_eq!(status(Method::POST, &[]), Some(415));
    }

    #[tokio::test]
    async fn messages_are_bounded_and_whole() {
        let long = vec![b' '; MESSAGE_BYTES_MAX + 1];
        let error = read_message::<Value>(Body::from(long)).await.unwrap_err();
        assert_eq!(error.code, Code::ResourceExhausted);
        let deep = "[".repeat(100_000);
        let error = read_message::<Value>(Body::from(deep)).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        let cut = Messages::new(Body::from(vec![0, 0, 0, 0, 9, b'{']));
        assert_eq!(cut.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let none = Messages::new(Body::empty());
        assert_eq!(none.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let two = Messages::new(Body::from([framed(0, b"{}"), framed(0, b"{}")].concat()));
        assert_eq!(two.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let invalid_utf8 = Messages::new(Body::from(framed(0, b"{\"a\":\"\xff\"}")));
        assert_eq!(invalid_utf8.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            messages in prop::collection::vec("[ -~]{0,300}", 0..8),
            cut in 1usize..64,
        ) {
            let wire: Vec<u8> = messages.iter().flat_map(|message| frame(message).to_vec()).collect();
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            for chunk in wire.chunks(cut) {
                decoder.push(chunk);
                while let Some(bytes) = decoder.next().unwrap() {
                    out.push(serde_json::from_slice::<String>(&bytes).unwrap());
                }
            }
            prop_assert_eq!(out, messages);
            prop_assert!(!decoder.is_cut());
        }

        #[test]
        fn hostile_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
            let mut decoder = Decoder::default();
            for chunk in chunks {
                decoder.push(&chunk);
                while let Ok(Some(message)) = decoder.next() {
                    prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
                }
            }
        }
    }
}
