//! wasi:sockets/tcp.

use super::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF,
    SOL_SOCKET, SocketResult, buffer_size, family, family_of, given, hop_limit, peer,
    set_buffer_size, set_hop_limit, told,
};
use crate::errno::Errno;
use crate::host::component::bindings::wasi::sockets::tcp::{self, ShutdownType};
use crate::host::component::bindings::wasi::sockets::tcp_create_socket;
use crate::host::component::io::{Input, Output, Pollable};
use crate::host::component::{Held, Wasi};
use crate::vnet::{Kind, SOL_TCP, Shut, Socket};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Resource;

const SO_KEEPALIVE: i32 = 9;
const TCP_KEEPIDLE: i32 = 4;
const TCP_KEEPINTVL: i32 = 5;
const TCP_KEEPCNT: i32 = 6;
/// The largest times and count that the kernel takes.
const KEEP_SECONDS_MAX: u64 = 32767;
const KEEP_COUNT_MAX: u32 = 127;
/// Connections that wait to be accepted, if nothing else is asked for.
const BACKLOG: i32 = 128;

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unbound,
    BindStarted,
    Bound,
    ListenStarted,
    Listening,
    Connecting,
    Connected,
    Closed,
}

/// A TCP socket.
pub struct Tcp {
    held: Held,
    socket: Arc<Socket>,
    state: State,
    backlog: i32,
}

impl Tcp {
    /// Goes from one of `from` to `to`.
    fn go(&mut self, from: &[State], to: State) -> SocketResult<()> {
        if !from.contains(&self.state) {
            return Err(ErrorCode::InvalidState.into());
        }
        self.state = to;
        Ok(())
    }
}

impl Wasi {
    /// Both directions of a connection.
    fn streams(&mut self, held: &Held) -> wasmtime::Result<(Resource<Input>, Resource<Output>)> {
        let file = held.file.clone();
        let input = self.push(Input { file: file.clone(), at: None, _held: None })?;
        let output = self.push(Output { file, at: None, append: false, permit: 0, _held: None })?;
        Ok((input, output))
    }

    fn tcp(&self, this: &Resource<Tcp>) -> SocketResult<Arc<Socket>> {
        Ok(self.table.get(this)?.socket.clone())
    }

    /// Seconds of an option, as nanoseconds.
    fn keep_time(&self, this: &Resource<Tcp>, option: i32) -> SocketResult<u64> {
        let seconds = self.tcp(this)?.option(SOL_TCP, option)?;
        Ok(u64::try_from(seconds).unwrap_or(0) * 1_000_000_000)
    }

    fn set_keep_time(&self, this: &Resource<Tcp>, option: i32, value: u64) -> SocketResult<()> {
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        // Rounded up to seconds, and to what there is.
        let seconds = Duration::from_nanos(value).as_nanos().div_ceil(1_000_000_000);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX).min(KEEP_SECONDS_MAX);
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        Ok(self.tcp(this)?.set_option(SOL_TCP, option, seconds)?)
    }
}

impl tcp_create_socket::Host for Wasi {
    async fn create_tcp_socket(&mut self, wanted: IpAddressFamily) -> SocketResult<Resource<Tcp>> {
        let (held, socket) = self.new_socket(family(wanted), Kind::Stream)?;
        let tcp = Tcp { held, socket, state: State::Unbound, backlog: BACKLOG };
        Ok(self.push(tcp)?)
    }
}

impl tcp::Host for Wasi {}

impl tcp::HostTcpSocket for Wasi {
    async fn start_bind(
        &mut self,
        this: Resource<Tcp>,
        _network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let tcp = self.table.get(&this)?;
        if tcp.state != State::Unbound {
            return Err(ErrorCode::InvalidState.into());
        }
        let socket = tcp.socket.clone();
        socket.set_option(SOL_SOCKET, SO_REUSEADDR, 1)?;
        self.bind(&socket, given(address))?;
        self.table.get_mut(&this)?.go(&[State::Unbound], State::BindStarted)
    }

    async fn finish_bind(&mut self, this: Resource<Tcp>) -> SocketResult<()> {
        let tcp = self.table.get_mut(&this)?;
        if tcp.state != State::BindStarted {
            return Err(ErrorCode::NotInProgress.into());
        }
        tcp.go(&[State::BindStarted], State::Bound)
    }

    async fn start_connect(
        &mut self,
        this: Resource<Tcp>,
        _network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let tcp = self.table.get_mut(&this)?;
        if !matches!(tcp.state, State::Unbound | State::Bound) {
            return Err(ErrorCode::InvalidState.into());
        }
        let address = peer(&tcp.socket, given(address))?;
        match tcp.socket.connect(address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::ALREADY) => tcp.state = State::Connecting,
            Err(errno) => {
                tcp.state = State::Closed;
                return Err(errno.into());
            }
        }
        Ok(())
    }

    async fn finish_connect(
        &mut self,
        this: Resource<Tcp>,
    ) -> SocketResult<(Resource<Input>, Resource<Output>)> {
        let tcp = self.table.get_mut(&this)?;
        if tcp.state != State::Connecting {
            return Err(ErrorCode::NotInProgress.into());
        }
        match tcp.socket.finish_connect() {
            Ok(()) => tcp.state = State::Connected,
            Err(Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY) => {
                tokio::task::yield_now().await;
                return Err(ErrorCode::WouldBlock.into());
            }
            Err(errno) => {
                tcp.state = State::Closed;
                return Err(errno.into());
            }
        }
        let file = tcp.held.file.clone();
        let input = self.push(Input { file: file.clone(), at: None, _held: None })?;
        let output = self.push(Output { file, at: None, append: false, permit: 0, _held: None })?;
        Ok((input, output))
    }

    async fn start_listen(&mut self, this: Resource<Tcp>) -> SocketResult<()> {
        let tcp = self.table.get_mut(&this)?;
        if tcp.state != State::Bound {
            return Err(ErrorCode::InvalidState.into());
        }
        tcp.socket.listen(tcp.backlog)?;
        tcp.go(&[State::Bound], State::ListenStarted)
    }

    async fn finish_listen(&mut self, this: Resource<Tcp>) -> SocketResult<()> {
        let tcp = self.table.get_mut(&this)?;
        if tcp.state != State::ListenStarted {
            return Err(ErrorCode::NotInProgress.into());
        }
        tcp.go(&[State::ListenStarted], State::Listening)
    }

    async fn accept(
        &mut self,
        this: Resource<Tcp>,
    ) -> SocketResult<(Resource<Tcp>, Resource<Input>, Resource<Output>)> {
        let tcp = self.table.get(&this)?;
        if tcp.state != State::Listening {
            return Err(ErrorCode::InvalidState.into());
        }
        let (socket, backlog) = (tcp.socket.clone(), tcp.backlog);
        let (accepted, _peer) = match socket.accept() {
            Err(Errno::AGAIN) => {
                tokio::task::yield_now().await;
                return Err(ErrorCode::WouldBlock.into());
            }
            accepted => accepted?,
        };
        let held = self.hold(accepted.clone())?;
        let (input, output) = self.streams(&held)?;
        let tcp = Tcp { held, socket: accepted, state: State::Connected, backlog };
        Ok((self.push(tcp)?, input, output))
    }

    async fn local_address(&mut self, this: Resource<Tcp>) -> SocketResult<IpSocketAddress> {
        let tcp = self.table.get(&this)?;
        match tcp.state {
            State::Unbound | State::BindStarted => Err(ErrorCode::InvalidState.into()),
            _ => Ok(told(tcp.socket.local_address())),
        }
    }

    async fn remote_address(&mut self, this: Resource<Tcp>) -> SocketResult<IpSocketAddress> {
        let tcp = self.table.get(&this)?;
        match tcp.state {
            State::Connected => Ok(told(tcp.socket.peer_address()?)),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    async fn is_listening(&mut self, this: Resource<Tcp>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&this)?.state == State::Listening)
    }

    async fn address_family(&mut self, this: Resource<Tcp>) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_of(&self.table.get(&this)?.socket))
    }

    async fn set_listen_backlog_size(
        &mut self,
        this: Resource<Tcp>,
        value: u64,
    ) -> SocketResult<()> {
        let tcp = self.table.get_mut(&this)?;
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let backlog = i32::try_from(value).unwrap_or(i32::MAX);
        match tcp.state {
            State::Unbound | State::BindStarted | State::Bound => {}
            State::ListenStarted | State::Listening => tcp.socket.listen(backlog)?,
            _ => return Err(ErrorCode::InvalidState.into()),
        }
        tcp.backlog = backlog;
        Ok(())
    }

    async fn keep_alive_enabled(&mut self, this: Resource<Tcp>) -> SocketResult<bool> {
        Ok(self.tcp(&this)?.option(SOL_SOCKET, SO_KEEPALIVE)? != 0)
    }

    async fn set_keep_alive_enabled(
        &mut self,
        this: Resource<Tcp>,
        value: bool,
    ) -> SocketResult<()> {
        Ok(self.tcp(&this)?.set_option(SOL_SOCKET, SO_KEEPALIVE, i32::from(value))?)
    }

    async fn keep_alive_idle_time(&mut self, this: Resource<Tcp>) -> SocketResult<u64> {
        self.keep_time(&this, TCP_KEEPIDLE)
    }

    async fn set_keep_alive_idle_time(
        &mut self,
        this: Resource<Tcp>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_keep_time(&this, TCP_KEEPIDLE, value)
    }

    async fn keep_alive_interval(&mut self, this: Resource<Tcp>) -> SocketResult<u64> {
        self.keep_time(&this, TCP_KEEPINTVL)
    }

    async fn set_keep_alive_interval(
        &mut self,
        this: Resource<Tcp>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_keep_time(&this, TCP_KEEPINTVL, value)
    }

    async fn keep_alive_count(&mut self, this: Resource<Tcp>) -> SocketResult<u32> {
        let count = self.tcp(&this)?.option(SOL_TCP, TCP_KEEPCNT)?;
        Ok(u32::try_from(count).unwrap_or(0))
    }

    async fn set_keep_alive_count(&mut self, this: Resource<Tcp>, value: u32) -> SocketResult<()> {
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let value = i32::try_from(value.min(KEEP_COUNT_MAX)).unwrap_or(1);
        Ok(self.tcp(&this)?.set_option(SOL_TCP, TCP_KEEPCNT, value)?)
    }

    async fn hop_limit(&mut self, this: Resource<Tcp>) -> SocketResult<u8> {
        hop_limit(&*self.tcp(&this)?)
    }

    async fn set_hop_limit(&mut self, this: Resource<Tcp>, value: u8) -> SocketResult<()> {
        set_hop_limit(&*self.tcp(&this)?, value)
    }

    async fn receive_buffer_size(&mut self, this: Resource<Tcp>) -> SocketResult<u64> {
        buffer_size(&*self.tcp(&this)?, SO_RCVBUF)
    }

    async fn set_receive_buffer_size(
        &mut self,
        this: Resource<Tcp>,
        value: u64,
    ) -> SocketResult<()> {
        set_buffer_size(&*self.tcp(&this)?, SO_RCVBUF, value)
    }

    async fn send_buffer_size(&mut self, this: Resource<Tcp>) -> SocketResult<u64> {
        buffer_size(&*self.tcp(&this)?, SO_SNDBUF)
    }

    async fn set_send_buffer_size(&mut self, this: Resource<Tcp>, value: u64) -> SocketResult<()> {
        set_buffer_size(&*self.tcp(&this)?, SO_SNDBUF, value)
    }

    async fn subscribe(&mut self, this: Resource<Tcp>) -> wasmtime::Result<Resource<Pollable>> {
        let file = self.table.get(&this)?.held.file.clone();
        self.push(Pollable::Socket(file))
    }

    async fn shutdown(&mut self, this: Resource<Tcp>, how: ShutdownType) -> SocketResult<()> {
        let tcp = self.table.get(&this)?;
        if tcp.state != State::Connected {
            return Err(ErrorCode::InvalidState.into());
        }
        let shut = match how {
            ShutdownType::Receive => Shut { read: true, write: false },
            ShutdownType::Send => Shut { read: false, write: true },
            ShutdownType::Both => Shut { read: true, write: true },
        };
        Ok(tcp.socket.shutdown(shut)?)
    }

    async fn drop(&mut self, this: Resource<Tcp>) -> wasmtime::Result<()> {
        let tcp = self.table.delete(this)?;
        drop(tcp);
        Ok(())
    }
}
