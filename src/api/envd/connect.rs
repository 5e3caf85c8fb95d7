//! The Connect protocol: unary and streaming, in JSON, as E2B's SDKs speak it, and in binary protobuf.
//!
//! The `connectrpc` crate (0.9) was weighed and not taken: it wants generated code and a protobuf runtime for every message
//! and 28,000 lines of server, for a protocol that is what follows. Handlers know JSON alone: binary messages are turned into it and back at the edge (`protobuf`).
//!
//! ```text
//! unary      POST, application/json or application/proto: the message; answer 200 and the message in the same form,
//!            or a status and JSON {"code","message"}
//! streaming  POST, application/connect+json or application/connect+proto: frames [flags 1][length 4, big endian][message];
//!            always 200; the last frame has flag 2 and JSON {} or {"error":{"code","message"}}
//! ```
//!
//! Memory is taken as bytes arrive, never by what a length claims, and no message passes [`MESSAGE_BYTES_MAX`].

use super::protobuf;
use super::schema::Method as Procedure;
use async_compression::tokio::bufread::GzipDecoder;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, BufMut, BytesMut};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncReadExt;

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

/// The form of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Json,
    Proto,
}

/// How one call's messages are written: which they are, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    codec: Codec,
    /// Whether the client said that it compresses with gzip.
    gzip: bool,
    procedure: &'static Procedure,
}

impl Wire {
    /// The media type of requests and answers.
    fn media(self) -> &'static str {
        match (self.procedure.shape, self.codec) {
            (Kind::Unary, Codec::Json) => "application/json",
            (Kind::Unary, Codec::Proto) => "application/proto",
            (Kind::Stream, Codec::Json) => "application/connect+json",
            (Kind::Stream, Codec::Proto) => "application/connect+proto",
        }
    }

    fn parse<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, RpcError> {
        match self.codec {
            Codec::Json => parse(bytes),
            Codec::Proto => {
                let json = protobuf::to_json(self.procedure.request, bytes);
                let json = json.map_err(|problem| RpcError::invalid(format!("message: {problem}")));
                serde_json::from_value(json?)
                    .map_err(|error| RpcError::invalid(format!("message: {error}")))
            }
        }
    }

    /// A frame that carries a message.
    pub(crate) fn frame(self, message: &Value) -> Bytes {
        match self.codec {
            Codec::Json => frame(message),
            Codec::Proto => {
                let message = protobuf::from_json(self.procedure.response, message);
                framed(0, |out| out.extend_from_slice(&message))
            }
        }
    }

    /// A streaming answer.
    pub(crate) fn stream(self, body: Body) -> Response {
        ([(header::CONTENT_TYPE, self.media())], body).into_response()
    }

    /// A streaming answer that is an error from the start.
    pub(crate) fn stream_error(self, error: &RpcError) -> Response {
        self.stream(Body::from(end_frame(&Err(error.clone()))))
    }

    /// A unary answer.
    pub(crate) fn answer(self, answer: Result<Value, RpcError>) -> Response {
        match (answer, self.codec) {
            (Err(error), _) => error.into_response(),
            (Ok(message), Codec::Json) => axum::Json(message).into_response(),
            (Ok(message), Codec::Proto) => {
                let message = protobuf::from_json(self.procedure.response, &message);
                ([(header::CONTENT_TYPE, self.media())], message).into_response()
            }
        }
    }

    /// Reads a unary request's message.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` past [`MESSAGE_BYTES_MAX`], `deadline_exceeded` on a silent client, `invalid_argument` for what is
    /// not this message.
    pub(crate) async fn read_message<T: DeserializeOwned>(self, body: Body) -> Result<T, RpcError> {
        let mut stream = body.into_data_stream();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = next_chunk(&mut stream).await? {
            if bytes.len() + chunk.len() > MESSAGE_BYTES_MAX {
                return Err(too_long());
            }
            bytes.extend_from_slice(&chunk);
        }
        // A body of nothing is a message of nothing, compressed or not.
        if self.gzip && !bytes.is_empty() {
            return self.parse(&unpacked(&bytes).await?);
        }
        self.parse(&bytes)
    }
}

/// A message without its compression.
async fn unpacked(packed: &[u8]) -> Result<Bytes, RpcError> {
    let mut plain = Vec::new();
    let mut reader = GzipDecoder::new(packed).take(MESSAGE_BYTES_MAX as u64 + 1);
    let read = reader.read_to_end(&mut plain).await;
    read.map_err(|error| RpcError::invalid(format!("message: gzip: {error}")))?;
    if plain.len() > MESSAGE_BYTES_MAX {
        return Err(too_long());
    }
    Ok(plain.into())
}

/// How a request to `procedure` is written.
///
/// # Errors
///
/// Why it cannot be one, by its method and headers: 405, 415, or an RPC error.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once a request")]
pub(crate) fn wire(
    method: &Method,
    headers: &HeaderMap,
    procedure: &'static Procedure,
) -> Result<Wire, Response> {
    if method != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response());
    }
    let encoding = match procedure.shape {
        Kind::Unary => "content-encoding",
        Kind::Stream => "connect-content-encoding",
    };
    let given =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    let compression = headers.get(encoding).map(|name| name.as_bytes());
    let gzip = compression == Some(b"gzip");
    let wires = [Codec::Json, Codec::Proto].map(|codec| Wire { codec, gzip, procedure });
    let Some(wire) = wires.into_iter().find(|wire| given.eq_ignore_ascii_case(wire.media())) else {
        let accepted = wires.map(Wire::media).join(", ");
        return Err(
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, [("accept-post", accepted)]).into_response()
        );
    };
    let version = headers.get("connect-protocol-version");
    let problem = if version.is_some_and(|version| version != "1") {
        RpcError::invalid("connect-protocol-version: must be 1")
    } else if compression.is_some_and(|name| name != b"identity" && !gzip) {
        RpcError::new(
            Code::Unimplemented,
            format!("{encoding}: only gzip and identity are supported"),
        )
    } else {
        return Ok(wire);
    };
    Err(match procedure.shape {
        Kind::Unary => problem.into_response(),
        Kind::Stream => wire.stream_error(&problem),
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
pub(crate) struct Decoder {
    bytes: BytesMut,
    /// Whether messages may be compressed.
    gzip: bool,
}

/// A message as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    compressed: bool,
    content: Bytes,
}

impl Decoder {
    /// Adds bytes as they arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if it is there.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` for a length past the limit, `invalid_argument` for flags that a client may not send.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, RpcError> {
        let Some(head) = self.bytes.first_chunk::<FRAME_HEAD_BYTES>() else { return Ok(None) };
        let [flags, length @ ..] = *head;
        let compressed = flags & FLAG_COMPRESSED != 0;
        if compressed && !self.gzip {
            return Err(RpcError::invalid(
                "frame: compressed, but no connect-content-encoding was agreed",
            ));
        }
        if flags & !FLAG_COMPRESSED != 0 {
            return Err(RpcError::invalid(format!("frame: flags {flags:#04x} are not a client's")));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(too_long());
        }
        if self.bytes.len() - FRAME_HEAD_BYTES < length {
            return Ok(None);
        }
        self.bytes.advance(FRAME_HEAD_BYTES);
        Ok(Some(Frame { compressed, content: self.bytes.split_to(length).freeze() }))
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_cut(&self) -> bool {
        !self.bytes.is_empty()
    }
}

/// The messages of a streaming request.
pub(crate) struct Messages {
    wire: Wire,
    body: axum::body::BodyDataStream,
    decoder: Decoder,
}

impl Messages {
    /// The messages of `body`.
    pub(crate) fn new(wire: Wire, body: Body) -> Self {
        let decoder = Decoder { gzip: wire.gzip, ..Decoder::default() };
        Self { wire, body: body.into_data_stream(), decoder }
    }

    /// The next message; `None` at the end of the request.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next`], and `invalid_argument` for a request that ends in the middle of a message.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        loop {
            if let Some(Frame { compressed, content }) = self.decoder.next()? {
                let content = if compressed { unpacked(&content).await? } else { content };
                return self.wire.parse(&content).map(Some);
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

fn frame(message: &impl Serialize) -> Bytes {
    encode(0, message)
}

/// The last frame of a stream, JSON in either form.
pub(crate) fn end_frame(end: &Result<(), RpcError>) -> Bytes {
    match end {
        Ok(()) => encode(FLAG_END, &json!({})),
        Err(error) => encode(FLAG_END, &json!({ "error": error.json() })),
    }
}

fn encode(flags: u8, message: &impl Serialize) -> Bytes {
    framed(flags, |out| {
        serde_json::to_writer(out.writer(), message).expect("our messages are JSON");
    })
}

fn framed(flags: u8, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::with_capacity(128);
    out.extend_from_slice(&[flags, 0, 0, 0, 0]);
    write(&mut out);
    let length = u32::try_from(out.len() - FRAME_HEAD_BYTES).expect("our messages are short");
    out[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::envd::schema;
    use proptest::prelude::*;

    fn json_of(service: &str, name: &str) -> Wire {
        let procedure = schema::find(service, name).unwrap();
        Wire { codec: Codec::Json, gzip: false, procedure }
    }

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
        assert!(decoder.bytes.capacity() < 1024 && decoder.is_cut());
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
            let procedure = schema::find("process.Process", "List").unwrap();
            let refused = wire(&method, &headers(pairs), procedure).err();
            refused.map(|response| response.status().as_u16())
        };
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(status(Method::POST, &[json, ("connect-protocol-version", "1")]), None);
        assert_eq!(status(Method::POST, &[json, ("content-encoding", "identity")]), None);
        assert_eq!(status(Method::POST, &[json, ("content-encoding", "br")]), Some(501));
        assert_eq!(status(Method::POST, &[json, ("content-encoding", "gzip")]), None);
        assert_eq!(status(Method::POST, &[json, ("connect-protocol-version", "2")]), Some(400));
        assert_eq!(status(Method::GET, &[json]), Some(405));
        assert_eq!(status(Method::POST, &[("content-type", "application/proto")]), None);
        let stream = ("content-type", "application/connect+json");
        assert_eq!(status(Method::POST, &[stream]), Some(415));
        assert_eq!(status(Method::POST, &[]), Some(415));
    }

    #[tokio::test]
    async fn messages_are_bounded_and_whole() {
        let list = json_of("process.Process", "List");
        let start = json_of("process.Process", "Start");
        let long = vec![b' '; MESSAGE_BYTES_MAX + 1];
        let error = list.read_message::<Value>(Body::from(long)).await.unwrap_err();
        assert_eq!(error.code, Code::ResourceExhausted);
        let deep = "[".repeat(100_000);
        let error = list.read_message::<Value>(Body::from(deep)).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        let cut = Messages::new(start, Body::from(vec![0, 0, 0, 0, 9, b'{']));
        assert_eq!(cut.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let none = Messages::new(start, Body::empty());
        assert_eq!(none.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let two = Messages::new(start, Body::from([framed(0, b"{}"), framed(0, b"{}")].concat()));
        assert_eq!(two.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
        let invalid_utf8 = Messages::new(start, Body::from(framed(0, b"{\"a\":\"\xff\"}")));
        assert_eq!(invalid_utf8.only::<Value>().await.unwrap_err().code, Code::InvalidArgument);
    }

    #[tokio::test]
    async fn what_is_packed_is_bounded_when_it_is_unpacked() {
        use async_compression::tokio::write::GzipEncoder;
        use tokio::io::AsyncWriteExt;
        let packed = async |plain: &[u8]| {
            let mut encoder = GzipEncoder::new(Vec::new());
            encoder.write_all(plain).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        };
        let list = Wire { gzip: true, ..json_of("process.Process", "List") };
        let start = Wire { gzip: true, ..json_of("process.Process", "Start") };
        let (small, bomb) = (packed(b"{}").await, packed(&vec![b' '; 64 << 20]).await);
        assert!(bomb.len() < 1 << 20);
        let unary = async |body: &[u8]| list.read_message::<Value>(Body::from(body.to_vec())).await;
        assert_eq!(unary(&small).await, Ok(json!({})));
        assert_eq!(unary(&bomb).await.unwrap_err().code, Code::ResourceExhausted);
        assert_eq!(unary(b"{}").await.unwrap_err().code, Code::InvalidArgument);
        let stream = async |flags, content: &[u8]| {
            Messages::new(start, Body::from(framed(flags, content))).only::<Value>().await
        };
        assert_eq!(stream(1, &small).await, Ok(json!({})));
        assert_eq!(stream(0, b"{}").await, Ok(json!({})));
        assert_eq!(stream(1, &bomb).await.unwrap_err().code, Code::ResourceExhausted);
        assert_eq!(stream(1, &small[..10]).await.unwrap_err().code, Code::InvalidArgument);
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
                while let Some(frame) = decoder.next().unwrap() {
                    out.push(serde_json::from_slice::<String>(&frame.content).unwrap());
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
                    prop_assert!(message.content.len() <= MESSAGE_BYTES_MAX);
                }
            }
        }
    }
}
