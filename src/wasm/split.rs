//! Splits a core module into code that writes nothing when it is instantiated and the memory it starts with.
//!
//! A module's active data segments are written again by every instantiation. A fork, a thread or a restored process has
//! memory of its own already, so they are taken out and become a memory image; mutable globals are exported,
//! so that an instance can be copied; loops look for signals ([`super::interrupt`]). What the module computes is not changed.
//!
//! Not a validator: the engine compiles the result and refuses what is not WebAssembly. Modules that cannot be split
//! (imported, shared or 64-bit memory, a start function, computed segment addresses) are refused here.

use super::interrupt::{Interrupts, WAITS};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{CodeSection, DataSection, ExportKind, ExportSection, Module, RawSection};
use wasmparser::{DataKind, ExternalKind, KnownCustom, Operator, Parser, Payload, TypeRef};

/// Bytes of a page of WebAssembly memory.
pub(crate) const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Prefix of the exports added for mutable globals; the global's index follows.
pub(crate) const GLOBAL_PREFIX: &str = "isolet_global_";

/// A module taken apart.
pub(crate) struct Split {
    /// The module without active data segments, with every mutable global exported.
    pub(crate) code: Vec<u8>,
    /// What the memory holds at the start, from address 0 to the end of the last segment.
    pub(crate) image: Vec<u8>,
}

/// Why a module is not a program, in words for the log.
#[derive(Debug, thiserror::Error)]
#[error("not a program: {0}")]
pub(crate) struct SplitError(String);

impl SplitError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<wasmparser::BinaryReaderError> for SplitError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self(error.to_string())
    }
}

/// What is gathered while the sections pass by.
#[derive(Default)]
struct Parts {
    image: Vec<u8>,
    memory_bytes: Option<u64>,
    /// Indexes of mutable globals defined by the module.
    mutable_globals: Vec<u32>,
    globals: u32,
    exports_written: bool,
    /// What is added so that loops see signals, if the module is one for that.
    interrupts: Option<Interrupts>,
    /// Bodies of functions that are still to come, and those that have.
    bodies_left: u32,
    bodies: CodeSection,
}

/// Splits `wasm`.
///
/// # Errors
///
/// [`SplitError`] names what the module has that a program must not have.
pub(crate) fn split(wasm: &[u8]) -> Result<Split, SplitError> {
    let mut parts = Parts { interrupts: Interrupts::find(wasm)?, ..Parts::default() };
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        section(&mut parts, &mut module, &payload, wasm)?;
    }
    if !parts.exports_written {
        return Err(SplitError::new("it exports nothing"));
    }
    Ok(Split { code: module.finish(), image: parts.image })
}

fn section(
    parts: &mut Parts,
    module: &mut Module,
    payload: &Payload<'_>,
    wasm: &[u8],
) -> Result<(), SplitError> {
    match payload {
        Payload::Version { encoding, .. } if *encoding != wasmparser::Encoding::Module => {
            return Err(SplitError::new("a component, not a core module"));
        }
        Payload::ImportSection(reader) => imports(parts, reader)?,
        Payload::MemorySection(reader) => memory(parts, reader)?,
        Payload::GlobalSection(reader) => globals(parts, reader)?,
        Payload::ExportSection(reader) => {
            module.section(&exports(parts, reader)?);
            parts.exports_written = true;
            return Ok(());
        }
        Payload::StartSection { .. } => {
            return Err(SplitError::new("it has a start function"));
        }
        Payload::DataSection(reader) => {
            module.section(&data(parts, reader)?);
            return Ok(());
        }
        Payload::CustomSection(custom) if !matches!(custom.as_known(), KnownCustom::Name(_)) => {
            return Ok(()); // Debug and producer sections are of no use at run time.
        }
        _ => {}
    }
    if let Some(interrupts) = parts.interrupts
        && code(parts, module, &interrupts, payload)?
    {
        return Ok(());
    }
    if let Some((id, range)) = payload.as_section() {
        let section = &wasm[range];
        let added = match (parts.interrupts, payload) {
            (Some(interrupts), Payload::TypeSection(_)) => Some(interrupts.types(section)?),
            (Some(interrupts), Payload::FunctionSection(_)) => Some(interrupts.functions(section)?),
            (Some(interrupts), Payload::GlobalSection(_)) => Some(interrupts.globals(section)?),
            _ => None,
        };
        module.section(&RawSection { id, data: added.as_deref().unwrap_or(section) });
    }
    Ok(())
}

/// The code section, body by body, when loops get to look for signals. False if the payload is something else.
fn code(
    parts: &mut Parts,
    module: &mut Module,
    interrupts: &Interrupts,
    payload: &Payload<'_>,
) -> Result<bool, SplitError> {
    match payload {
        Payload::CodeSectionStart { count, .. } => parts.bodies_left = *count,
        Payload::CodeSectionEntry(body) => {
            parts.bodies.raw(&interrupts.body(body)?);
            parts.bodies_left -= 1;
        }
        _ => return Ok(false),
    }
    if parts.bodies_left == 0 {
        parts.bodies.function(&interrupts.deliver());
        module.section(&parts.bodies);
    }
    Ok(true)
}

fn imports(
    parts: &mut Parts,
    reader: &wasmparser::ImportSectionReader<'_>,
) -> Result<(), SplitError> {
    for import in reader.clone().into_imports() {
        match import?.ty {
            TypeRef::Memory(_) => return Err(SplitError::new("it imports its memory")),
            TypeRef::Global(_) => return Err(SplitError::new("it imports a global")),
            _ => {}
        }
    }
    parts.globals = 0;
    Ok(())
}

fn memory(
    parts: &mut Parts,
    reader: &wasmparser::MemorySectionReader<'_>,
) -> Result<(), SplitError> {
    for memory in reader.clone() {
        let memory = memory?;
        if parts.memory_bytes.is_some() || memory.memory64 || memory.shared {
            return Err(SplitError::new("it needs exactly one 32-bit memory that is not shared"));
        }
        let bytes = memory.initial.checked_mul(WASM_PAGE_BYTES);
        parts.memory_bytes = bytes.filter(|&bytes| bytes <= 1 << 32);
        if parts.memory_bytes.is_none() {
            return Err(SplitError::new("its memory is larger than 4 GiB"));
        }
    }
    Ok(())
}

fn globals(
    parts: &mut Parts,
    reader: &wasmparser::GlobalSectionReader<'_>,
) -> Result<(), SplitError> {
    for global in reader.clone() {
        if global?.ty.mutable {
            parts.mutable_globals.push(parts.globals);
        }
        parts.globals += 1;
    }
    Ok(())
}

fn exports(
    parts: &mut Parts,
    reader: &wasmparser::ExportSectionReader<'_>,
) -> Result<ExportSection, SplitError> {
    let mut section = ExportSection::new();
    for export in reader.clone() {
        let export = export?;
        if export.name.starts_with(GLOBAL_PREFIX) || export.name == WAITS {
            return Err(SplitError::new(format!("it exports {}, a name of ours", export.name)));
        }
        let kind = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
            ExternalKind::Table => ExportKind::Table,
            ExternalKind::Memory => ExportKind::Memory,
            ExternalKind::Global => ExportKind::Global,
            ExternalKind::Tag => ExportKind::Tag,
        };
        section.export(export.name, kind, export.index);
    }
    if let Some(interrupts) = parts.interrupts {
        section.export(WAITS, ExportKind::Global, interrupts.waits());
    }
    for index in &parts.mutable_globals {
        section.export(&format!("{GLOBAL_PREFIX}{index}"), ExportKind::Global, *index);
    }
    Ok(section)
}

/// Moves active segments into the image; an empty passive segment keeps each index.
fn data(
    parts: &mut Parts,
    reader: &wasmparser::DataSectionReader<'_>,
) -> Result<DataSection, SplitError> {
    let mut section = DataSection::new();
    for segment in reader.clone() {
        let segment = segment?;
        match segment.kind {
            DataKind::Passive => {
                RoundtripReencoder
                    .parse_data(&mut section, segment)
                    .map_err(|error| SplitError::new(error.to_string()))?;
            }
            DataKind::Active { offset_expr, .. } => {
                place(parts, address(&offset_expr)?, segment.data)?;
                section.passive(std::iter::empty());
            }
        }
    }
    Ok(section)
}

/// The constant address of an active segment.
fn address(expression: &wasmparser::ConstExpr<'_>) -> Result<u64, SplitError> {
    let mut reader = expression.get_operators_reader();
    match reader.read()? {
        Operator::I32Const { value } => Ok(u64::from(value.cast_unsigned())),
        _ => Err(SplitError::new("a data segment's address is computed")),
    }
}

fn place(parts: &mut Parts, at: u64, bytes: &[u8]) -> Result<(), SplitError> {
    let end = at + bytes.len() as u64;
    if end > parts.memory_bytes.unwrap_or(0) {
        return Err(SplitError::new("a data segment lies outside its memory"));
    }
    let (start, end) =
        (usize::try_from(at).expect("inside 4 GiB"), usize::try_from(end).expect("inside 4 GiB"));
    if parts.image.len() < end {
        parts.image.resize(end, 0);
    }
    parts.image[start..end].copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_text(text: &str) -> Result<Split, SplitError> {
        split(&wat::parse_str(text).expect("the test's own text"))
    }

    #[test]
    fn segments_become_the_image_and_globals_are_exported() {
        let split = split_text(
            r#"(module (memory (export "memory") 1)
                (global (mut i32) (i32.const 7)) (global i32 (i32.const 8)) (global (mut i64) (i64.const 9))
                (func (export "_start") (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 3)))
                (data (i32.const 4) "abc") (data "xyz") (data (i32.const 8) "d"))"#,
        )
        .expect("a program");
        assert_eq!(split.image, b"\0\0\0\0abc\0d");
        let mut names = Vec::new();
        let mut active = 0;
        for payload in Parser::new(0).parse_all(&split.code) {
            match payload.expect("valid") {
                Payload::ExportSection(exports) => {
                    names.extend(
                        exports.into_iter().map(|export| export.expect("valid").name.to_owned()),
                    );
                }
                Payload::DataSection(data) => {
                    let kinds = data.into_iter().map(|segment| segment.expect("valid").kind);
                    active += kinds.filter(|kind| matches!(kind, DataKind::Active { .. })).count();
                }
                _ => {}
            }
        }
        assert_eq!(names, ["memory", "_start", "isolet_global_0", "isolet_global_2"]);
        assert_eq!(active, 0);
        wasmparser::validate(&split.code).expect("still a module");
    }

    #[test]
    fn what_cannot_be_split_is_refused_with_its_reason() {
        let cases = [
            (
                r#"(module (import "a" "m" (memory 1)) (func (export "_start")))"#,
                "imports its memory",
            ),
            (r#"(module (memory i64 1) (func (export "_start")))"#, "32-bit"),
            (r#"(module (memory 1) (memory 1) (func (export "_start")))"#, "exactly one"),
            (r#"(module (memory 1) (func $f (export "_start")) (start $f))"#, "start function"),
            (
                r#"(module (memory 1) (func (export "_start")) (data (i32.const 65535) "ab"))"#,
                "outside",
            ),
            (r#"(module (memory 1))"#, "exports nothing"),
            (r#"(component)"#, "component"),
        ];
        for (text, reason) in cases {
            let error = split_text(text).err().expect(reason).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(split(b"\x7fELF").is_err());
        assert!(split(b"").is_err());
    }
}
