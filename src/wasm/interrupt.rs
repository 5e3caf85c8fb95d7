//! Signals for a program that computes: at the head of each loop it looks whether a signal waits for its handler, and runs it.
//!
//! A C program's handlers run when a system call returns (ABI.md), so one that made none would never see ^C or an alarm. Each loop gets
//!
//! ```text
//! loop  ->  loop  global.get waits  if  call deliver  end
//! ```
//!
//! and the module a function `deliver`, which does what the C library does after a system call: takes signals one by one from
//! the host and calls their handlers. The host sets `waits`, a global, at an epoch boundary ([`super::instance`]).
//!
//! Not for programs that fork: Asyncify would have to know the added calls; they poll their pending word instead.

use super::split::SplitError;
use wasm_encoder::{BlockType, Encode, Function, Instruction, MemArg, ValType};
use wasmparser::{BinaryReader, FunctionBody, Operator, Parser, Payload, TypeRef};

/// The exported global that the host sets to 1 when a signal with a handler waits for the thread.
pub(super) const WAITS: &str = "isolet_signal_waits";

/// The global that holds the stack's top in linear memory.
const STACK_POINTER: &str = "__stack_pointer";

/// `isolet_signal_take` and `isolet_signal_return` (guest-images/sysroot/ABI.md).
const TAKE: i32 = 0x4003;
const RETURN: i32 = 0x4004;

/// Bytes below the stack pointer that a function may use without moving it: the red zone of LLVM's WebAssembly target.
const RED_ZONE: i32 = 128;

/// Offsets in `struct isolet_signal` (ABI.md), its size, and what lies behind it in the frame: a `ucontext_t`
/// of musl, of which handlers may look at and change the signal mask.
const HANDLER: u64 = 4;
const FLAGS: u64 = 8;
const OLD_MASK: i32 = 16;
const SIGINFO: i32 = 32;
const CONTEXT: i32 = 160;
const CONTEXT_BYTES: i32 = 168;
const CONTEXT_MASK: i32 = CONTEXT + 20;
const FRAME: i32 = CONTEXT + CONTEXT_BYTES + 8 + RED_ZONE;
const SA_SIGINFO: i32 = 4;

/// Indexes in the module that the added code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interrupts {
    system_call: u32,
    stack_pointer: u32,
    /// Types in the module; three are added behind them.
    types: u32,
    /// Functions, imported ones too; `deliver` comes behind them.
    functions: u32,
    /// Globals; `waits` comes behind them.
    globals: u32,
}

impl Interrupts {
    /// Looks whether a module is one for which this is done, and where its things are.
    ///
    /// # Errors
    ///
    /// [`SplitError`] if it cannot be read.
    pub(super) fn find(wasm: &[u8]) -> Result<Option<Self>, SplitError> {
        let (mut system_call, mut stack_pointer, mut forks, mut table) = (None, None, false, false);
        let (mut types, mut functions, mut globals) = (0, 0, 0);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(reader) => types = reader.count(),
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import?;
                        if !matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                            continue;
                        }
                        match (import.module, import.name) {
                            ("isolet_v1", "syscall") => system_call = Some(functions),
                            ("isolet_v1", "fork") => forks = true,
                            _ => {}
                        }
                        functions += 1;
                    }
                }
                Payload::FunctionSection(reader) => functions += reader.count(),
                Payload::TableSection(reader) => table = reader.count() > 0,
                Payload::GlobalSection(reader) => globals = reader.count(),
                Payload::ExportSection(reader) => {
                    for export in reader {
                        let export = export?;
                        if export.name == STACK_POINTER {
                            stack_pointer = Some(export.index);
                        }
                    }
                }
                // All that is asked comes before the code.
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        let (Some(system_call), Some(stack_pointer), false, true) =
            (system_call, stack_pointer, forks, table)
        else {
            return Ok(None);
        };
        Ok(Some(Self { system_call, stack_pointer, types, functions, globals }))
    }

    /// The type section with those of `deliver` and of the two kinds of handlers.
    pub(super) fn types(&self, section: &[u8]) -> Result<Vec<u8>, SplitError> {
        const I32: u8 = 0x7f;
        append(section, 3, &[0x60, 0, 0, 0x60, 1, I32, 0, 0x60, 3, I32, I32, I32, 0])
    }

    /// The function section with `deliver`.
    pub(super) fn functions(&self, section: &[u8]) -> Result<Vec<u8>, SplitError> {
        let mut added = Vec::new();
        self.types.encode(&mut added);
        append(section, 1, &added)
    }

    /// The global section with `waits`, 0 at the start.
    pub(super) fn globals(&self, section: &[u8]) -> Result<Vec<u8>, SplitError> {
        append(section, 1, &[0x7f, 1, 0x41, 0, 0x0b])
    }

    /// The index of `waits`.
    pub(super) fn waits(&self) -> u32 {
        self.globals
    }

    /// A function's body (without its length) with the look at each loop.
    pub(super) fn body(&self, body: &FunctionBody<'_>) -> Result<Vec<u8>, SplitError> {
        let bytes = body.as_bytes();
        let start = body.range().start;
        let mut look = Vec::new();
        Instruction::GlobalGet(self.waits()).encode(&mut look);
        Instruction::If(BlockType::Empty).encode(&mut look);
        Instruction::Call(self.functions).encode(&mut look);
        Instruction::End.encode(&mut look);
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut copied = 0;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            if let Operator::Loop { .. } = operators.read()? {
                let here = operators.original_position() - start;
                out.extend_from_slice(&bytes[copied..here]);
                out.extend_from_slice(&look);
                copied = here;
            }
        }
        out.extend_from_slice(&bytes[copied..]);
        Ok(out)
    }

    /// `deliver`.
    pub(super) fn deliver(&self) -> Function {
        let mut code = vec![
            Instruction::GlobalGet(self.stack_pointer),
            Instruction::LocalTee(SAVED),
            Instruction::I32Const(-16),
            Instruction::I32And,
            Instruction::I32Const(FRAME),
            Instruction::I32Sub,
            Instruction::LocalTee(BUFFER),
            Instruction::GlobalSet(self.stack_pointer),
            Instruction::I32Const(0),
            Instruction::GlobalSet(self.waits()),
            Instruction::Loop(BlockType::Empty),
        ];
        code.extend(self.call(TAKE, 0));
        code.extend([
            Instruction::I32Const(0),
            Instruction::I32GtS,
            Instruction::If(BlockType::Empty),
        ]);
        code.extend(self.handle());
        code.extend(self.call(RETURN, OLD_MASK));
        code.extend([
            Instruction::Drop,
            Instruction::Br(1),
            Instruction::End,
            Instruction::End,
            Instruction::LocalGet(SAVED),
            Instruction::GlobalSet(self.stack_pointer),
            Instruction::End,
        ]);
        let mut function = Function::new([(2, ValType::I32)]);
        for instruction in &code {
            function.instruction(instruction);
        }
        function
    }

    /// Calls the handler of the signal in the buffer, of either kind.
    fn handle(&self) -> Vec<Instruction<'static>> {
        let handler = |kind: u32| {
            [
                Instruction::LocalGet(BUFFER),
                Instruction::I32Load(word(HANDLER)),
                Instruction::CallIndirect { type_index: self.types + kind, table_index: 0 },
            ]
        };
        let signal = || [Instruction::LocalGet(BUFFER), Instruction::I32Load(word(0))];
        let mut code = vec![
            Instruction::LocalGet(BUFFER),
            Instruction::I32Load(word(FLAGS)),
            Instruction::I32Const(SA_SIGINFO),
            Instruction::I32And,
            Instruction::If(BlockType::Empty),
        ];
        code.extend(at(CONTEXT));
        code.extend([
            Instruction::I32Const(0),
            Instruction::I32Const(CONTEXT_BYTES),
            Instruction::MemoryFill(0),
        ]);
        code.extend(copy_mask(CONTEXT_MASK, OLD_MASK));
        code.extend(signal());
        code.extend(at(SIGINFO));
        code.extend(at(CONTEXT));
        code.extend(handler(2));
        code.extend(copy_mask(OLD_MASK, CONTEXT_MASK));
        code.push(Instruction::Else);
        code.extend(signal());
        code.extend(handler(1));
        code.push(Instruction::End);
        code
    }

    /// A system call with an address in the frame as its only argument.
    fn call(&self, number: i32, argument: i32) -> Vec<Instruction<'static>> {
        let mut code = vec![Instruction::I32Const(number)];
        code.extend(at(argument));
        code.extend((0..5).map(|_| Instruction::I32Const(0)));
        code.push(Instruction::Call(self.system_call));
        code
    }
}

/// Locals of `deliver`: the stack pointer as it was, and the frame, which begins with `struct isolet_signal`.
const SAVED: u32 = 0;
const BUFFER: u32 = 1;

/// An aligned word of the frame.
fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

/// An address in the frame.
fn at(offset: i32) -> [Instruction<'static>; 3] {
    [Instruction::LocalGet(BUFFER), Instruction::I32Const(offset), Instruction::I32Add]
}

/// Copies a signal mask inside the frame.
fn copy_mask(to: i32, from: i32) -> Vec<Instruction<'static>> {
    let mut code = Vec::from(at(to));
    code.extend(at(from));
    code.push(Instruction::I32Const(8));
    code.push(Instruction::MemoryCopy { src_mem: 0, dst_mem: 0 });
    code
}

/// A section of a vector with `count` more entries at its end.
fn append(section: &[u8], count: u32, entries: &[u8]) -> Result<Vec<u8>, SplitError> {
    let mut reader = BinaryReader::new(section, 0);
    let before = reader.read_var_u32()?;
    let mut out = Vec::with_capacity(section.len() + entries.len() + 4);
    before.saturating_add(count).encode(&mut out);
    out.extend_from_slice(&section[reader.original_position()..]);
    out.extend_from_slice(entries);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use crate::wasm::split::split;
    use wasmtime::{Caller, Engine, Linker, Module, Store, Val};

    /// A program that spins until its handler has run; the handler notes its signal at 64, and of the second kind also what it was given.
    const SPINS: &str = r#"(module
        (import "isolet_v1" "syscall" (func $syscall (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $sp (export "__stack_pointer") (mut i32) (i32.const 4100))
        (table 3 funcref) (elem (i32.const 1) $plain $informed)
        (func $plain (param i32) (i32.store (i32.const 64) (local.get 0)))
        (func $informed (param i32 i32 i32)
            (i32.store (i32.const 64) (local.get 0))
            (i32.store (i32.const 68) (i32.load (local.get 1)))
            (i32.store (i32.const 72) (i32.load offset=20 (local.get 2)))
            (i32.store offset=20 (local.get 2) (i32.const 99)))
        (func (export "_start")
            (i32.store (i32.const 3996) (i32.const 77)) ;; in the red zone
            (loop (br_if 0 (i32.eqz (i32.load (i32.const 64)))))
            (if (i32.ne (i32.load (i32.const 3996)) (i32.const 77)) (then (unreachable)))
            (if (i32.ne (global.get $sp) (i32.const 4100)) (then (unreachable)))))"#;

    /// Runs it with a host that has one signal 10 for handler `handler`; words 64, 68, 72 at the end and the mask given back.
    fn run(handler: u32, flags: u32) -> [u32; 4] {
        let split = split(&wat::parse_str(SPINS).expect("the test's own text")).expect("a program");
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::new(&engine, &split.code).expect("still a module");
        let mut linker: Linker<(bool, u32)> = Linker::new(&engine);
        let system_call = move |mut caller: Caller<'_, (bool, u32)>,
                                number: i32,
                                at: i32,
                                _: i32,
                                _: i32,
                                _: i32,
                                _: i32,
                                _: i32| {
            let memory = caller.get_export("memory").and_then(wasmtime::Extern::into_memory);
            let (bytes, state) = memory.expect("exported").data_and_store_mut(&mut caller);
            let at = usize::try_from(at).expect("an address");
            let mut put = |offset: usize, word: u32| {
                bytes[at + offset..at + offset + 4].copy_from_slice(&word.to_le_bytes());
            };
            match number {
                super::TAKE if !state.0 => {
                    state.0 = true;
                    for (offset, word) in
                        [(0, 10), (4, handler), (8, flags), (16, 7), (20, 0), (32, 10)]
                    {
                        put(offset, word);
                    }
                    10
                }
                super::TAKE => 0,
                _ => {
                    state.1 = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
                    0
                }
            }
        };
        linker.func_wrap("isolet_v1", "syscall", system_call).expect("links");
        let mut store = Store::new(&engine, (false, 0));
        store.set_epoch_deadline(1 << 40);
        let instance = linker.instantiate(&mut store, &module).expect("starts");
        let waits = instance.get_global(&mut store, super::WAITS).expect("exported");
        waits.set(&mut store, Val::I32(1)).expect("mutable");
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").expect("exported");
        start.call(&mut store, ()).expect("ends by itself");
        let memory = instance.get_memory(&mut store, "memory").expect("exported");
        let word = |at: usize| {
            u32::from_le_bytes(memory.data(&store)[at..at + 4].try_into().expect("4 bytes"))
        };
        [word(64), word(68), word(72), store.data().1]
    }

    #[test]
    fn a_loop_without_system_calls_runs_the_handler() {
        assert_eq!(run(1, 0), [10, 0, 0, 7], "the signal; the mask as it was");
        assert_eq!(
            run(2, 4),
            [10, 10, 7, 99],
            "siginfo, ucontext's mask, and the mask it left there"
        );
    }

    #[test]
    fn a_program_that_forks_or_has_no_stack_is_left_as_it_is() {
        let texts = [
            SPINS.replace("(memory", "(import \"isolet_v1\" \"fork\" (func (result i32))) (memory"),
            SPINS.replace("(export \"__stack_pointer\")", ""),
            SPINS.replace("\"isolet_v1\"", "\"other\""),
        ];
        for text in texts {
            let split = split(&wat::parse_str(&text).expect("the test's own text"));
            let code = split.expect("a program").code;
            let module = wasmparser::Parser::new(0).parse_all(&code);
            let exports = module.filter_map(|payload| match payload.expect("valid") {
                wasmparser::Payload::ExportSection(exports) => Some(exports),
                _ => None,
            });
            let mut names = exports.flatten().map(|export| export.expect("valid").name.to_owned());
            assert!(names.all(|name| name != super::WAITS));
        }
    }
}
