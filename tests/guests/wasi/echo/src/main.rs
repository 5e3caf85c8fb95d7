//! A WebSocket server on port 9200 that says everything back, with compression (`permessage-deflate`).
//!
//! Says "up" when it listens. Of a connection that breaks the protocol it closes the TCP connection, with a Close frame where the
//! library sends one.

mod deflate;

use deflate::Deflate;
use soketto::handshake::Server;
use soketto::handshake::server::Response;
use soketto::{BoxedError, Data, Incoming};
use std::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_util::compat::TokioAsyncReadCompatExt;

/// The longest message, in bytes, before and after compression.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

fn main() -> io::Result<()> {
    Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:9200").await?;
        println!("up");
        loop {
            let (stream, _) = listener.accept().await?;
            // How a client ends its connection is its own affair.
            tokio::spawn(async { drop(serve(stream).await) });
        }
    })
}

/// One connection, until either side ends it.
async fn serve(stream: TcpStream) -> Result<(), BoxedError> {
    stream.set_nodelay(true)?;
    let mut handshake = Server::new(stream.compat());
    handshake.add_extension(Box::new(Deflate::new(MESSAGE_BYTES_MAX)));
    let key = handshake.receive_request().await?.key();
    handshake.send_response(&Response::Accept { key, protocol: None }).await?;
    let mut builder = handshake.into_builder();
    builder.set_max_message_size(MESSAGE_BYTES_MAX);
    builder.set_max_frame_size(MESSAGE_BYTES_MAX);
    let (mut sender, mut receiver) = builder.finish();
    let mut message = Vec::new();
    loop {
        message.clear();
        match receiver.receive(&mut message).await? {
            Incoming::Data(Data::Text(_)) => sender.send_text(str::from_utf8(&message)?).await?,
            Incoming::Data(Data::Binary(_)) => sender.send_binary_mut(&mut message).await?,
            Incoming::Pong(_) => {}
            Incoming::Closed(_) => return Ok(()),
        }
        sender.flush().await?;
    }
}
