//! What the engine generates of the WIT in `wit/`: a trait for each interface, which the files beside this one implement.

wasmtime::component::bindgen!({
    path: "wit",
    world: "isolet:guest/parent",
    imports: { default: async | trappable },
    exports: { default: async },
    trappable_error_type: {
        "wasi:io/streams.stream-error" => crate::host::component::io::StreamFault,
        "wasi:filesystem/types.error-code" => crate::host::component::filesystem::FsFault,
        "isolet:guest/process.error-code" => crate::host::component::process::ProcessFault,
        "wasi:sockets/network.error-code" => crate::host::component::sockets::SocketFault,
    },
    with: {
        "isolet:guest/process.child": crate::host::component::process::Child,
        "wasi:io/error.error": crate::host::component::io::ErrorValue,
        "wasi:io/poll.pollable": crate::host::component::io::Pollable,
        "wasi:io/streams.input-stream": crate::host::component::io::Input,
        "wasi:io/streams.output-stream": crate::host::component::io::Output,
        "wasi:cli/terminal-input.terminal-input": crate::host::component::cli::TerminalInput,
        "wasi:cli/terminal-output.terminal-output": crate::host::component::cli::TerminalOutput,
        "wasi:filesystem/types.descriptor": crate::host::component::filesystem::Descriptor,
        "wasi:filesystem/types.directory-entry-stream": crate::host::component::filesystem::Entries,
        "wasi:sockets/network.network": crate::host::component::sockets::Network,
        "wasi:sockets/tcp.tcp-socket": crate::host::component::sockets::Tcp,
        "wasi:sockets/udp.udp-socket": crate::host::component::sockets::Udp,
        "wasi:sockets/udp.incoming-datagram-stream": crate::host::component::sockets::Incoming,
        "wasi:sockets/udp.outgoing-datagram-stream": crate::host::component::sockets::Outgoing,
        "wasi:sockets/ip-name-lookup.resolve-address-stream": crate::host::component::sockets::Resolving,
    },
});
