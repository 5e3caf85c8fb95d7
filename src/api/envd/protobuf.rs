//! Protobuf's binary form of envd's messages, turned into proto3 JSON and back by a schema: the handlers know JSON alone.
//!
//! Not a general protobuf library: it has the kinds of fields that E2B's two services use (see `schema`). Keys and varints are
//! prost's. No message contains itself, so nesting is bounded by the schema; and a field has at most
//! [`VALUES_MAX`] values, as an empty one takes two bytes here and many times that in memory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Values of one repeated field, and entries of one map.
const VALUES_MAX: usize = 1 << 16;

/// A message type: its fields.
#[derive(Debug)]
pub(crate) struct Message(pub(crate) &'static [Field]);

/// A field: number, name in JSON, how often it occurs, what it is.
#[derive(Debug)]
pub(crate) struct Field(pub(crate) u32, pub(crate) &'static str, pub(crate) Label, pub(crate) Kind);

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    One,
    Many,
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Bool,
    Uint32,
    Sint32,
    /// A string of digits in JSON.
    Int64,
    /// Numbers and their names.
    Enum(&'static [(u64, &'static str)]),
    /// `map<string, string>`.
    TextMap,
    /// `google.protobuf.Timestamp`, RFC 3339 in JSON.
    Timestamp,
    Message(&'static Message),
}

/// `map<string, string>`'s entries.
static ENTRY: Message =
    Message(&[Field(1, "key", Label::One, Kind::Text), Field(2, "value", Label::One, Kind::Text)]);

impl Kind {
    fn wire(self) -> WireType {
        match self {
            Self::Bool | Self::Uint32 | Self::Sint32 | Self::Int64 | Self::Enum(_) => {
                WireType::Varint
            }
            Self::Text | Self::Bytes | Self::TextMap | Self::Timestamp | Self::Message(_) => {
                WireType::LengthDelimited
            }
        }
    }
}

/// The proto3 JSON of a message in protobuf.
///
/// # Errors
///
/// A sentence about what is wrong: bytes that are cut, a field that the message has not or has in another form, text that
/// is no UTF-8.
pub(crate) fn to_json(message: &Message, bytes: &[u8]) -> Result<Value, String> {
    let mut object = Map::new();
    read_into(&mut object, message, bytes)?;
    Ok(Value::Object(object))
}

/// Adds the fields in `bytes` to those that were there: a message that comes in pieces is one.
fn read_into(
    object: &mut Map<String, Value>,
    message: &Message,
    mut bytes: &[u8],
) -> Result<(), String> {
    let broken = |_| "protobuf: cut off or malformed".to_owned();
    while !bytes.is_empty() {
        let (number, wire) = decode_key(&mut bytes).map_err(broken)?;
        let field = message.0.iter().find(|field| field.0 == number);
        let Some(Field(_, name, label, kind)) = field else {
            return Err(format!("protobuf: unknown field {number}"));
        };
        if wire != kind.wire() {
            return Err(format!("protobuf: {name} has another type on the wire"));
        }
        let varint = decode_varint(&mut bytes).map_err(broken)?;
        let mut content: &[u8] = &[];
        if wire == WireType::LengthDelimited {
            let length = usize::try_from(varint).unwrap_or(usize::MAX);
            let rest;
            (content, rest) = bytes
                .split_at_checked(length)
                .ok_or_else(|| format!("protobuf: {name} is cut off"))?;
            bytes = rest;
        }
        match (kind, label) {
            (Kind::TextMap, _) => add_entry(object, name, content)?,
            (Kind::Message(inner), Label::One) => {
                let place = object.entry(*name).or_insert_with(|| Value::Object(Map::new()));
                let place = place.as_object_mut().expect("a message is an object");
                read_into(place, inner, content)?;
            }
            (kind, Label::One) => {
                object.insert((*name).into(), value(*kind, name, varint, content)?);
            }
            (kind, Label::Many) => {
                let one = value(*kind, name, varint, content)?;
                let place = object.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
                let place = place.as_array_mut().expect("a repeated field is an array");
                room(name, place.len())?;
                place.push(one);
            }
        }
    }
    Ok(())
}

fn add_entry(object: &mut Map<String, Value>, name: &str, content: &[u8]) -> Result<(), String> {
    let mut entry = Map::new();
    read_into(&mut entry, &ENTRY, content)?;
    let mut take = |part: &str| match entry.remove(part) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (key, value) = (take("key"), take("value"));
    let place = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    let place = place.as_object_mut().expect("a map is an object");
    room(name, place.len())?;
    place.insert(key, value.into());
    Ok(())
}

/// Whether a field with `count` values may have one more.
fn room(name: &str, count: usize) -> Result<(), String> {
    if count < VALUES_MAX {
        return Ok(());
    }
    Err(format!("protobuf: {name} has more than {VALUES_MAX} values"))
}

fn value(kind: Kind, name: &str, varint: u64, content: &[u8]) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text => match std::str::from_utf8(content) {
            Ok(text) => text.into(),
            Err(_) => return Err(format!("protobuf: {name} is no UTF-8")),
        },
        Kind::Bytes => STANDARD.encode(content).into(),
        Kind::Bool => (varint != 0).into(),
        // As protobuf's parsers do, the low half counts.
        Kind::Uint32 => (varint as u32).into(),
        Kind::Sint32 => {
            let zigzag = varint as u32;
            ((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32)).into()
        }
        Kind::Int64 => (varint as i64).to_string().into(),
        Kind::Enum(names) => match names.iter().find(|one| one.0 == varint) {
            Some((_, text)) => (*text).into(),
            None => return Err(format!("protobuf: {name} has no value {varint}")),
        },
        Kind::Message(inner) => to_json(inner, content)?,
        Kind::TextMap | Kind::Timestamp => {
            return Err(format!("protobuf: {name} is not taken from clients"));
        }
    })
}

/// A message in protobuf, from its proto3 JSON as our handlers make it. Members that the message has not are left out; so is
/// a value that is not of its field's kind, which no handler makes.
pub(crate) fn from_json(message: &Message, json: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for Field(number, name, label, kind) in message.0 {
        match (json.get(*name), kind, label) {
            (None | Some(Value::Null), ..) => {}
            (Some(Value::Object(entries)), Kind::TextMap, _) => {
                for (key, value) in entries {
                    let entry = serde_json::json!({ "key": key, "value": value });
                    write_bytes(&mut out, *number, &from_json(&ENTRY, &entry));
                }
            }
            (Some(Value::Array(all)), kind, Label::Many) => {
                all.iter().for_each(|one| write(&mut out, *number, *kind, one));
            }
            (Some(one), kind, _) => write(&mut out, *number, *kind, one),
        }
    }
    out
}

fn write(out: &mut Vec<u8>, number: u32, kind: Kind, value: &Value) {
    let text = value.as_str().unwrap_or_default();
    match kind {
        Kind::Text => write_bytes(out, number, text.as_bytes()),
        Kind::Bytes => write_bytes(out, number, &STANDARD.decode(text).unwrap_or_default()),
        Kind::Bool => write_varint(out, number, value.as_bool().unwrap_or_default().into()),
        Kind::Uint32 => write_varint(out, number, value.as_u64().unwrap_or_default()),
        Kind::Sint32 => {
            let signed = value.as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or_default();
            write_varint(out, number, u64::from(((signed << 1) ^ (signed >> 31)) as u32));
        }
        Kind::Int64 => {
            write_varint(out, number, text.parse::<i64>().unwrap_or_default() as u64);
        }
        Kind::Enum(names) => {
            let found = names.iter().find(|one| one.1 == text);
            write_varint(out, number, found.map_or(0, |one| one.0));
        }
        Kind::Message(inner) => write_bytes(out, number, &from_json(inner, value)),
        Kind::Timestamp => {
            if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
                let mut content = Vec::new();
                write_varint(&mut content, 1, time.unix_timestamp() as u64);
                write_varint(&mut content, 2, time.nanosecond().into());
                write_bytes(out, number, &content);
            }
        }
        Kind::TextMap => {}
    }
}

fn write_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value, out);
}

fn write_bytes(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::envd::schema;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_start_request_as_protobuf_writes_it() {
        // {process: {cmd: "sh", args: ["-c"], envs: {A: "b"}}, pty: {size: {cols: 300}}, stdin: false}
        let wire = b"\x0a\x12\x0a\x02sh\x12\x02-c\x1a\x06\x0a\x01A\x12\x01b\x12\x00\x12\x05\x0a\x03\x08\xac\x02\x20\x00";
        let method = schema::find("process.Process", "Start").unwrap();
        let json = to_json(method.request, wire).unwrap();
        let expected = json!({
            "process": {"cmd": "sh", "args": ["-c", ""], "envs": {"A": "b"}},
            "pty": {"size": {"cols": 300}}, "stdin": false,
        });
        assert_eq!(json, expected);
        assert_eq!(to_json(method.request, &from_json(method.request, &json)), Ok(json));
    }

    #[test]
    fn an_end_event_as_protobuf_writes_it() {
        let method = schema::find("process.Process", "Start").unwrap();
        let json = json!({"event": {"end": {"exitCode": -1, "exited": false, "status": "s"}}});
        assert_eq!(from_json(method.response, &json), b"\x0a\x09\x1a\x07\x08\x01\x10\x00\x1a\x01s");
    }

    #[test]
    fn times_and_sizes() {
        let method = schema::find("filesystem.Filesystem", "Stat").unwrap();
        let json =
            json!({"entry": {"size": "300", "modifiedTime": "1970-01-01T00:00:02.000000003Z"}});
        let wire = b"\x0a\x09\x20\xac\x02\x4a\x04\x08\x02\x10\x03";
        assert_eq!(from_json(method.response, &json), wire);
    }

    #[test]
    fn a_field_has_not_any_number_of_values() {
        static LIST: Message = Message(&[Field(1, "args", Label::Many, Kind::Text)]);
        let many = [0x0a, 0].repeat(VALUES_MAX);
        assert!(to_json(&LIST, &many).is_ok());
        let more = [0x0a, 0].repeat(VALUES_MAX + 1);
        assert!(to_json(&LIST, &more).unwrap_err().contains("args has more than"));
    }

    #[test]
    fn what_is_no_message_is_told() {
        let request = schema::find("process.Process", "Start").unwrap().request;
        for (wire, problem) in [
            (&b"\x0a"[..], "cut off"),
            (b"\x0a\x05a", "cut off"),
            (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut off"),
            (b"\x08\x01", "another type"),
            (b"\x0a\x04\x0a\x02\xff\xff", "no UTF-8"),
            (b"\x7a\x00", "unknown field 15"),
            (b"\x00\x00", "malformed"),
        ] {
            let error = to_json(request, wire).unwrap_err();
            assert!(error.contains(problem), "{wire:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            for method in schema::METHODS {
                if let Ok(json) = to_json(method.request, &bytes) {
                    let again = to_json(method.request, &from_json(method.request, &json));
                    prop_assert_eq!(again, Ok(json));
                }
            }
        }
    }
}
