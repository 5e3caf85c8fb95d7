//! What a new connection speaks, by its first bytes: TLS (a handshake record), HTTP/2 with prior knowledge (its preface, RFC 9113
//! section 3.4), or HTTP/1.1. What was read is given back to who serves the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

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

/// A stream of which some bytes were read already.
pub(crate) struct Sniffed<S> {
    stream: S,
    read: [u8; PREFACE.len()],
    from: usize,
    to: usize,
}

/// Reads as much of `stream` as it takes to tell. No time bound: the caller has one.
///
/// # Errors
///
/// Those of reading.
pub(crate) async fn sniff<S>(mut stream: S) -> io::Result<(Sniffed<S>, First)>
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
    Ok((Sniffed { stream, read, from: 0, to }, first))
}

impl<S: AsyncRead + Unpin> AsyncRead for Sniffed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.from == this.to {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = (this.to - this.from).min(buffer.remaining());
        buffer.put_slice(&this.read[this.from..this.from + count]);
        this.from += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sniffed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
