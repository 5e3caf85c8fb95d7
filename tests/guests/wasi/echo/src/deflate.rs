//! `permessage-deflate` (RFC 7692) of a server, as an extension of the WebSocket library: the window goes on from message to message
//! unless the client asks for the opposite. The library's own begins each message anew, whatever was agreed.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use soketto::base::{Header, OpCode};
use soketto::extension::{Extension, Param};
use soketto::{BoxedError, Storage};

/// What ends a flushed block, and is not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Room for output that is made at a time.
const PIECE_BYTES: usize = 16 << 10;

#[derive(Debug)]
pub struct Deflate {
    enabled: bool,
    params: Vec<Param<'static>>,
    compress: Compress,
    decompress: Decompress,
    /// The message that is being received is compressed.
    compressed: bool,
    /// Each message begins anew: those of the server, those of the client.
    server_anew: bool,
    client_anew: bool,
    bytes_max: usize,
}

impl Deflate {
    /// Not agreed on yet; a message that is longer than `bytes_max` is an error.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            enabled: false,
            params: Vec::new(),
            compress: Compress::new(Compression::fast(), false),
            decompress: Decompress::new(false),
            compressed: false,
            server_anew: false,
            client_anew: false,
            bytes_max,
        }
    }

    /// Takes one parameter of an offer; `None` declines the offer.
    fn agree(&mut self, param: &Param<'_>) -> Option<()> {
        match (param.name(), param.value()) {
            ("server_no_context_takeover", None) => self.server_anew = true,
            ("client_no_context_takeover", None) => self.client_anew = true,
            // The decompressor takes what any window makes.
            ("client_max_window_bits", _) => return Some(()),
            ("server_max_window_bits", Some(bits)) => {
                // zlib's smallest window is 9.
                let bits = bits.parse().ok().filter(|bits| (9..=15).contains(bits))?;
                self.compress = Compress::new_with_window_bits(Compression::fast(), false, bits);
            }
            _ => return None,
        }
        self.params.push(param.clone().acquire());
        Some(())
    }

    fn inflate(&mut self, packed: &[u8]) -> Result<Vec<u8>, BoxedError> {
        if self.client_anew {
            self.decompress.reset(false);
        }
        let mut message = Vec::new();
        for mut rest in [packed, &TAIL] {
            loop {
                message.reserve(PIECE_BYTES);
                let before = self.decompress.total_in();
                let status =
                    self.decompress.decompress_vec(rest, &mut message, FlushDecompress::Sync)?;
                rest = &rest[usize::try_from(self.decompress.total_in() - before)?..];
                if message.len() > self.bytes_max {
                    return Err("the message is too long".into());
                }
                if status == Status::StreamEnd {
                    self.decompress.reset(false); // The client ended its stream (7.2.3.5).
                } else if message.len() < message.capacity() {
                    break;
                }
            }
            if !rest.is_empty() {
                return Err("the compressed message goes on behind its end".into());
            }
        }
        Ok(message)
    }

    fn deflate(&mut self, message: &[u8]) -> Result<Vec<u8>, BoxedError> {
        if self.server_anew {
            self.compress.reset();
        }
        let (mut packed, start) = (Vec::new(), self.compress.total_in());
        loop {
            packed.reserve(PIECE_BYTES);
            let done = usize::try_from(self.compress.total_in() - start)?;
            self.compress.compress_vec(&message[done..], &mut packed, FlushCompress::Sync)?;
            if packed.len() < packed.capacity() {
                break;
            }
        }
        let length = packed.strip_suffix(&TAIL).ok_or("the compressor was not flushed")?.len();
        packed.truncate(length);
        Ok(packed)
    }
}

impl Extension for Deflate {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn name(&self) -> &str {
        "permessage-deflate"
    }

    fn params(&self) -> &[Param<'_>] {
        &self.params
    }

    /// Called for each offer, of which the first that can be met is taken.
    fn configure(&mut self, offer: &[Param]) -> Result<(), BoxedError> {
        if self.enabled {
            return Ok(());
        }
        *self = Self::new(self.bytes_max);
        self.enabled = offer.iter().all(|param| self.agree(param).is_some());
        Ok(())
    }

    fn reserved_bits(&self) -> (bool, bool, bool) {
        (true, false, false)
    }

    fn decode(&mut self, header: &mut Header, data: &mut Vec<u8>) -> Result<(), BoxedError> {
        match header.opcode() {
            OpCode::Text | OpCode::Binary => self.compressed = header.is_rsv1(),
            _ if header.is_rsv1() => return Err("a reserved bit in a later frame".into()),
            _ => {}
        }
        if self.compressed && header.is_fin() {
            *data = self.inflate(data)?;
            header.set_rsv1(false).set_payload_len(data.len());
        }
        Ok(())
    }

    fn encode(&mut self, header: &mut Header, data: &mut Storage) -> Result<(), BoxedError> {
        let message = data.as_ref();
        // A second flush in a row makes nothing.
        if matches!(header.opcode(), OpCode::Text | OpCode::Binary) && !message.is_empty() {
            *data = Storage::Owned(self.deflate(message)?);
            header.set_rsv1(true);
        }
        Ok(())
    }
}
