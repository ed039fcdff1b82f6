//! An nvlist as text, as `libnvpair` prints it.

use super::list::PrintError;
use std::io::{self, Write};
use zsend_records::nvlist::{NvElement, NvList, NvType, NvVisitor};

/// Writes a list and the lists in it, a pair a line, indented by tabs.
///
/// The text is that of `nvlist_print()`, OpenZFS `lib/libnvpair`, zfs-2.3.2. Strings are written as
/// the bytes that they are.
///
/// # Errors
/// If the output fails.
pub fn nvlist_text(out: &mut impl Write, list: &NvList) -> io::Result<()> {
    list.visit(&mut NvText::new(out)).map_err(io::Error::from)
}

/// Writes the pairs of a list as they are read.
pub(super) struct NvText<'a, W> {
    out: &'a mut W,
    /// Names of the pairs whose lists are open; of an array with the number of the next list.
    open: Vec<(String, Option<usize>)>,
    /// Type of the pair.
    nv_type: NvType,
    /// No element of the pair was written.
    first: bool,
    /// A string was begun.
    in_text: bool,
}

impl<'a, W: Write> NvText<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out, open: Vec::new(), nv_type: NvType::BOOLEAN, first: true, in_text: false }
    }

    fn indent(&mut self, depth: usize) -> io::Result<()> {
        (0..depth).try_for_each(|_| self.out.write_all(b"\t"))
    }
}

impl<W: Write> NvVisitor for NvText<'_, W> {
    type Error = PrintError;

    fn list(&mut self, _: u32, _: usize) -> Result<(), PrintError> {
        let depth = self.open.len();
        if let Some((name, Some(at))) = self.open.last() {
            let start = format!("(start {name}[{at}])\n");
            self.indent(depth)?;
            self.out.write_all(start.as_bytes())?;
        }
        self.indent(depth)?;
        Ok(self.out.write_all(b"nvlist version: 0\n")?)
    }

    fn list_end(&mut self) -> Result<(), PrintError> {
        let depth = self.open.len();
        match self.open.last_mut() {
            Some((name, Some(at))) => {
                let end = format!("(end {name}[{at}])\n");
                *at += 1;
                self.nv_type = NvType::NVLIST_ARRAY;
                self.indent(depth)?;
                self.out.write_all(end.as_bytes())?;
            }
            Some((_, None)) => self.nv_type = NvType::NVLIST,
            None => {}
        }
        Ok(())
    }

    fn pair(
        &mut self,
        name: &str,
        nv_type: NvType,
        elements: usize,
        _: usize,
    ) -> Result<(), PrintError> {
        (self.nv_type, self.first) = (nv_type, true);
        // An empty array is an empty line, but for an array of lists.
        if nv_type.is_array() && elements == 0 && nv_type != NvType::NVLIST_ARRAY {
            return Ok(());
        }
        self.indent(self.open.len() + 1)?;
        let kind = match nv_type {
            NvType::NVLIST => {
                self.open.push((name.to_owned(), None));
                "(embedded nvlist)\n"
            }
            NvType::NVLIST_ARRAY => {
                self.open.push((name.to_owned(), Some(0)));
                "(array of embedded nvlists)\n"
            }
            _ => "",
        };
        Ok(write!(self.out, "{name} = {kind}")?)
    }

    fn element(&mut self, element: NvElement<'_>, _: usize) -> Result<(), PrintError> {
        if let NvElement::Bytes(bytes) = element {
            let unsigned = self.nv_type == NvType::UINT8_ARRAY;
            let one = if unsigned { NvElement::Uint8 } else { NvElement::Byte };
            return bytes.iter().try_for_each(|&byte| self.element(one(byte), 0));
        }
        if !self.in_text && !core::mem::take(&mut self.first) {
            self.out.write_all(b" ")?;
        }
        self.in_text = matches!(element, NvElement::Text(_));
        let out = &mut *self.out;
        match element {
            NvElement::Boolean => out.write_all(b"1"),
            NvElement::BooleanValue(v) => write!(out, "{}", u8::from(v)),
            NvElement::Byte(v) => write!(out, "0x{v:02x}"),
            NvElement::Int8(v) => write!(out, "{v}"),
            NvElement::Uint8(v) => write!(out, "{v:#x}"),
            NvElement::Int16(v) => write!(out, "{v}"),
            NvElement::Uint16(v) => write!(out, "{v:#x}"),
            NvElement::Int32(v) => write!(out, "{v}"),
            NvElement::Uint32(v) => write!(out, "{v:#x}"),
            NvElement::Int64(v) => write!(out, "{v}"),
            NvElement::Uint64(v) => write!(out, "{v:#x}"),
            NvElement::HrTime(v) => write!(out, "{v:#x}"),
            NvElement::Double(v) if v.is_nan() && v.is_sign_negative() => write!(out, "0x-nan"),
            NvElement::Double(v) if v.is_nan() => write!(out, "0xnan"),
            NvElement::Double(v) => write!(out, "0x{v:.6}"),
            NvElement::Text(text) => out.write_all(text),
            NvElement::TextEnd => Ok(()),
            NvElement::Bytes(_) => Ok(()),
        }?;
        Ok(())
    }

    fn pair_end(&mut self) -> Result<(), PrintError> {
        match self.nv_type {
            NvType::NVLIST => {
                self.indent(self.open.len())?;
                let (name, _) = self.open.pop().unwrap_or_default();
                write!(self.out, "(end {name})\n\n")?;
            }
            NvType::NVLIST_ARRAY => {
                self.open.pop();
                self.out.write_all(b"\n")?;
            }
            _ => self.out.write_all(b"\n")?,
        }
        // What ends next is another pair.
        self.nv_type = NvType::BOOLEAN;
        Ok(())
    }
}
