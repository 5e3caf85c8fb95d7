//! Refuses HTTP/1.1 requests that have both `Content-Length` and `Transfer-Encoding`: two servers may see the end of such a request in
//! two places. hyper takes the chunks, drops the length and does not tell, so this reads along with it: where heads begin and end,
//! and which of the two fields they have. From the second one of a head on everything is spoiled on its way, and hyper refuses the
//! request in its turn, as any other malformed one.
//!
//! It frames nothing: where a message ends hyper decides. What this cannot follow to the byte it spoils as well, so that the two
//! are never at different places of the stream.

use super::through::Reads;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";

/// What no head and no framing of a body may contain.
const SPOILED: u8 = 0;

/// Reads along with a client's HTTP/1.1 connection.
pub(crate) struct Along {
    reader: Reader,
    tunnel: Arc<AtomicBool>,
}

impl Along {
    /// Reads along until `tunnel` is set: what comes from then on is no HTTP.
    pub(crate) fn until(tunnel: Arc<AtomicBool>) -> Self {
        Self { reader: Reader::default(), tunnel }
    }
}

/// Where in a stream of requests the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In what stands before the first colon of a line of a head.
    #[default]
    Name,
    /// After it.
    Value,
    /// In the value of `Content-Length`.
    Length,
    Body,
    ChunkSize,
    ChunkExtension,
    ChunkSizeLf,
    Chunk,
    ChunkCr,
    ChunkLf,
    /// At the begin of a line after the last chunk.
    Trailers,
    Trailer,
    TrailerLf,
    TrailersLf,
    /// After what was refused.
    Spoiled,
}

/// Reads along.
#[derive(Debug, Default)]
struct Reader {
    place: Place,
    /// Bytes of the line so far, without carriage returns.
    line: usize,
    /// The first of them, in lower case.
    name: [u8; CODING.len()],
    /// Whether the head has had a line that is not empty.
    begun: bool,
    measured: bool,
    coded: bool,
    /// Bytes of the body or of the chunk that are to come.
    left: u64,
}

impl Reader {
    fn read(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if matches!(self.place, Place::Body | Place::Chunk) {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                if self.left == 0 {
                    self.place =
                        if self.place == Place::Body { Place::Name } else { Place::ChunkCr };
                }
                bytes = &mut bytes[skipped..];
                continue;
            }
            let (byte, rest) = bytes.split_first_mut().expect("it is not empty");
            self.place = self.next(*byte);
            // hyper looks at a head once it sees its end.
            if self.place == Place::Spoiled && !matches!(byte, b'\r' | b'\n') {
                *byte = SPOILED;
            }
            bytes = rest;
        }
    }

    /// The place after `byte`.
    fn next(&mut self, byte: u8) -> Place {
        match (self.place, byte) {
            (Place::Name | Place::Value | Place::Length, b'\n') => self.end_line(),
            (Place::Name, b':') => self.field(),
            (Place::Name, _) => self.name(byte),
            (Place::Length, b'0'..=b'9') => self.digit(10, byte),
            (Place::Value | Place::Length, _) => self.place,
            (Place::ChunkSize, byte) if byte.is_ascii_hexdigit() => self.digit(16, byte),
            (Place::ChunkSize, b';' | b' ' | b'\t') => Place::ChunkExtension,
            (Place::ChunkSize | Place::ChunkExtension, b'\r') => Place::ChunkSizeLf,
            (Place::ChunkExtension, byte) if byte != b'\n' => Place::ChunkExtension,
            (Place::ChunkSizeLf, b'\n') if self.left == 0 => Place::Trailers,
            (Place::ChunkSizeLf, b'\n') => Place::Chunk,
            (Place::ChunkCr, b'\r') => Place::ChunkLf,
            (Place::ChunkLf, b'\n') => Place::ChunkSize,
            (Place::Trailers, b'\r') => Place::TrailersLf,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::Trailers | Place::Trailer, byte) if byte != b'\n' => Place::Trailer,
            (Place::TrailerLf, b'\n') => Place::Trailers,
            (Place::TrailersLf, b'\n') => Place::Name,
            _ => Place::Spoiled,
        }
    }

    fn name(&mut self, byte: u8) -> Place {
        if byte != b'\r' {
            if let Some(place) = self.name.get_mut(self.line) {
                *place = byte.to_ascii_lowercase();
            }
            self.line += 1;
        }
        Place::Name
    }

    /// What a colon after a name begins.
    fn field(&mut self) -> Place {
        match self.name.get(..self.line) {
            Some(LENGTH) if !self.coded => {
                (self.measured, self.left) = (true, 0);
                Place::Length
            }
            Some(CODING) if !self.measured => {
                self.coded = true;
                Place::Value
            }
            Some(LENGTH | CODING) => Place::Spoiled,
            _ => {
                self.line += 1;
                Place::Value
            }
        }
    }

    /// A digit of a number. hyper refuses those that are too large.
    fn digit(&mut self, radix: u32, byte: u8) -> Place {
        let digit = char::from(byte).to_digit(radix).unwrap_or_default();
        self.left = self.left.saturating_mul(radix.into()).saturating_add(digit.into());
        self.place
    }

    /// What follows a line of a head. Empty ones before its first are none of it.
    fn end_line(&mut self) -> Place {
        let empty = std::mem::take(&mut self.line) == 0 && self.place == Place::Name;
        self.begun |= !empty;
        if !(empty && self.begun) {
            return Place::Name;
        }
        let coded = std::mem::take(&mut self.coded);
        (self.begun, self.measured) = (false, false);
        match (coded, self.left) {
            (true, _) => Place::ChunkSize,
            (false, 0) => Place::Name,
            (false, _) => Place::Body,
        }
    }
}

impl Reads for Along {
    fn poll_through<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(stream).poll_read(context, buffer);
        if !self.tunnel.load(Ordering::Relaxed) {
            self.reader.read(&mut buffer.filled_mut()[before..]);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `text` in pieces of so many bytes, and where it ends.
    fn read(text: &str, piece: usize) -> (String, Place) {
        let mut reader = Reader::default();
        let mut bytes = text.as_bytes().to_vec();
        bytes.chunks_mut(piece).for_each(|piece| reader.read(piece));
        (String::from_utf8(bytes).unwrap(), reader.place)
    }

    fn spoiled_text(text: &str) -> String {
        text.chars().map(|c| if matches!(c, '\r' | '\n') { c } else { '\0' }).collect()
    }

    const LAWFUL: &[&str] = &[
        "GET / HTTP/1.1\r\n\r\n",
        "\r\n\nGET / HTTP/1.1\nHost: x\n\n",
        "GET http://a/:b HTTP/1.1\r\nX:\r\nY: a: b\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\t012 \r\n\r\nContent-Leng",
        "POST / HTTP/1.1\r\ncontent-length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nTRANSFER-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
         19;a=\"\0:\"\r\n\r\n0\r\n\r\nPOST / HTTP/1.1\r\n\n\r\n02 \r\nab\r\n00\r\nX: y\r\nTransfer-Encoding: z\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encodings: x\r\nContent-Lengt: x\r\nXContent-Length: x\r\nContent-Length: 1\r\n\r\n:",
    ];

    #[test]
    fn lawful_requests_pass_untouched_and_end_where_they_end() {
        let mut all = String::new();
        for text in LAWFUL {
            all.push_str(text);
            for piece in 1..=all.len() {
                assert_eq!(read(&all, piece), (all.clone(), Place::Name), "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn the_second_of_both_is_spoiled_wherever_the_request_is() {
        for (head, spoiled) in [
            (
                "POST / HTTP/1.1\r\nContent-Length: 5\r\nX: y\r\ntransfer-encoding: a\r\n\r\n",
                "transfer-encoding",
            ),
            ("POST / HTTP/1.1\nTransfer-Encoding: a\ncontent-length: 5\n\n", "content-length"),
        ] {
            for before in LAWFUL {
                let text = format!("{before}{head}x");
                let keeps = before.len() + head.find(spoiled).unwrap() + spoiled.len();
                let expected = text[..keeps].to_owned() + &spoiled_text(&text[keeps..]);
                for piece in [1, 2, 3, 7, text.len()] {
                    assert_eq!(read(&text, piece), (expected.clone(), Place::Spoiled), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn what_hyper_might_frame_otherwise_is_spoiled() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in [
            "x",
            "5\n",
            "5;\n",
            "5\rx",
            "1\r\nab",
            "1\r\na\n",
            "1\r\na\rx",
            "0\r\n\n",
            "0\r\nX: y\n",
            "0\r\nX: y\rx",
            "0\r\n\rx",
        ] {
            let (kept, last) = body.split_at(body.len() - 1);
            let expected = format!("{head}{kept}{}", spoiled_text(&format!("{last}5\r\nabcde")));
            let got = read(&format!("{head}{body}5\r\nabcde"), 1);
            assert_eq!(got, (expected, Place::Spoiled), "{body:?}");
        }
    }
}
