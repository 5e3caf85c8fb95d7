//! What a new connection speaks, by its first bytes: TLS (a handshake record), HTTP/2 with prior knowledge (its preface, RFC 9113
//! section 3.4), or HTTP/1.1. What was read is given back to who serves the connection.

use super::through::{Reads, Through};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// The first byte of a TLS connection: a handshake record.
const TLS_FIRST_BYTE: u8 = 0x16;

/// How a client begins HTTP/2.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// TLS, in which HTTP comes later.
    Tls,
    /// HTTP/2, unencrypted.
    Http2,
    /// HTTP/1.1, or what is no HTTP at all.
    Http1,
    /// It was closed before that.
    Nothing,
}

/// Bytes of a stream that were read already.
pub(crate) struct Begun {
    read: [u8; PREFACE.len()],
    from: usize,
    to: usize,
}

/// Reads as much of `stream` as it takes to tell. No time bound: the caller has one.
///
/// # Errors
///
/// Those of reading.
pub(crate) async fn sniff<S>(mut stream: S) -> io::Result<(Through<S, Begun>, First)>
where
    S: AsyncRead + Unpin,
{
    let mut read = [0; PREFACE.len()];
    let mut to = 0;
    let first = loop {
        let count = stream.read(&mut read[to..]).await?;
        to += count;
        if to == 0 {
            break First::Nothing;
        }
        if read[0] == TLS_FIRST_BYTE {
            break First::Tls;
        }
        if read[..to] != PREFACE[..to] || count == 0 {
            break First::Http1;
        }
        if to == PREFACE.len() {
            break First::Http2;
        }
    };
    Ok((Through::new(stream, Begun { read, from: 0, to }), first))
}

impl Reads for Begun {
    fn poll_through<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.from == self.to {
            return Pin::new(stream).poll_read(context, buffer);
        }
        let count = (self.to - self.from).min(buffer.remaining());
        buffer.put_slice(&self.read[self.from..self.from + count]);
        self.from += count;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn told(bytes: &[u8]) -> First {
        let (mut client, server) = tokio::io::duplex(256);
        let send = async {
            for byte in bytes {
                client.write_all(&[*byte]).await.unwrap();
            }
            client.shutdown().await.unwrap();
        };
        let (sniffed, ()) = tokio::join!(sniff(server), send);
        let (mut stream, first) = sniffed.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, bytes, "nothing is lost");
        first
    }

    #[tokio::test]
    async fn first_bytes_tell_and_stay() {
        assert_eq!(told(b"").await, First::Nothing);
        assert_eq!(told(b"\x16\x03\x01\x00\x05hello").await, First::Tls);
        assert_eq!(told(b"GET / HTTP/1.1\r\n\r\n").await, First::Http1);
        assert_eq!(told(b"PRIVATE / HTTP/1.1\r\n\r\n").await, First::Http1);
        assert_eq!(told(b"PRI * HTTP/2.0\r\n").await, First::Http1, "and closed");
        assert_eq!(told(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest").await, First::Http2);
    }
}
