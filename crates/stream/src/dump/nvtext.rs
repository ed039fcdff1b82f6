//! An nvlist as text, as `libnvpair` prints it.

use std::io::{self, Write};
use zsend_records::nvlist::{NvList, NvString, NvValue};

/// Writes a list and the lists in it, a pair a line, indented by tabs.
///
/// The text is that of `nvlist_print()`, OpenZFS `lib/libnvpair`, zfs-2.3.2. Strings are written as
/// the bytes that they are.
///
/// # Errors
/// If the output fails.
pub fn nvlist_text(out: &mut impl Write, list: &NvList) -> io::Result<()> {
    print(out, list, 0)
}

/// Lists that were read are nested no deeper than `MAX_DEPTH`, so this is not either.
fn print(out: &mut impl Write, list: &NvList, depth: usize) -> io::Result<()> {
    indent(out, depth)?;
    out.write_all(b"nvlist version: 0\n")?;
    for (name, value) in list.iter() {
        pair(out, name, value, depth)?;
    }
    Ok(())
}

fn indent(out: &mut impl Write, depth: usize) -> io::Result<()> {
    (0..depth).try_for_each(|_| out.write_all(b"\t"))
}

fn pair(out: &mut impl Write, name: &str, value: &NvValue, depth: usize) -> io::Result<()> {
    // An empty array is an empty line, but for an array of lists.
    if value.nv_type().is_array()
        && value.elements() == 0
        && !matches!(value, NvValue::ListArray(_))
    {
        return out.write_all(b"\n");
    }
    indent(out, depth + 1)?;
    match value {
        NvValue::List(inner) => {
            writeln!(out, "{name} = (embedded nvlist)")?;
            print(out, inner, depth + 1)?;
            indent(out, depth + 1)?;
            write!(out, "(end {name})\n\n")
        }
        NvValue::ListArray(lists) => {
            writeln!(out, "{name} = (array of embedded nvlists)")?;
            for (at, inner) in lists.iter().enumerate() {
                indent(out, depth + 1)?;
                writeln!(out, "(start {name}[{at}])")?;
                print(out, inner, depth + 1)?;
                indent(out, depth + 1)?;
                writeln!(out, "(end {name}[{at}])")?;
            }
            out.write_all(b"\n")
        }
        plain => {
            write!(out, "{name} = ")?;
            scalar(out, plain)?;
            out.write_all(b"\n")
        }
    }
}

fn scalar(out: &mut impl Write, value: &NvValue) -> io::Result<()> {
    match value {
        NvValue::Boolean => out.write_all(b"1"),
        NvValue::BooleanValue(v) => write!(out, "{}", u8::from(*v)),
        NvValue::Byte(v) => write!(out, "0x{v:02x}"),
        NvValue::Int8(v) => write!(out, "{v}"),
        NvValue::Uint8(v) => write!(out, "{v:#x}"),
        NvValue::Int16(v) => write!(out, "{v}"),
        NvValue::Uint16(v) => write!(out, "{v:#x}"),
        NvValue::Int32(v) => write!(out, "{v}"),
        NvValue::Uint32(v) => write!(out, "{v:#x}"),
        NvValue::Int64(v) => write!(out, "{v}"),
        NvValue::Uint64(v) => write!(out, "{v:#x}"),
        NvValue::HrTime(v) => write!(out, "{v:#x}"),
        NvValue::Double(v) if v.is_nan() => write!(out, "0xnan"),
        NvValue::Double(v) => write!(out, "0x{v:.6}"),
        NvValue::String(v) => out.write_all(v.as_bytes()),
        NvValue::StringArray(v) => spaced(out, v, |out, s: &NvString| out.write_all(s.as_bytes())),
        NvValue::ByteArray(v) => spaced(out, v, |out, v| write!(out, "0x{v:02x}")),
        NvValue::BooleanArray(v) => spaced(out, v, |out, v| write!(out, "{}", u8::from(*v))),
        NvValue::Int8Array(v) => spaced(out, v, |out, v| write!(out, "{v}")),
        NvValue::Uint8Array(v) => spaced(out, v, |out, v| write!(out, "{v:#x}")),
        NvValue::Int16Array(v) => spaced(out, v, |out, v| write!(out, "{v}")),
        NvValue::Uint16Array(v) => spaced(out, v, |out, v| write!(out, "{v:#x}")),
        NvValue::Int32Array(v) => spaced(out, v, |out, v| write!(out, "{v}")),
        NvValue::Uint32Array(v) => spaced(out, v, |out, v| write!(out, "{v:#x}")),
        NvValue::Int64Array(v) => spaced(out, v, |out, v| write!(out, "{v}")),
        NvValue::Uint64Array(v) => spaced(out, v, |out, v| write!(out, "{v:#x}")),
        // Printed by `pair`, which knows the depth.
        NvValue::List(_) | NvValue::ListArray(_) => Ok(()),
    }
}

fn spaced<W: Write, T>(
    out: &mut W,
    values: &[T],
    one: impl Fn(&mut W, &T) -> io::Result<()>,
) -> io::Result<()> {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.write_all(b" ")?;
        }
        one(out, value)?;
    }
    Ok(())
}
