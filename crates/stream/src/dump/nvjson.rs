//! An nvlist as JSON.

use super::json::hex;
use super::list::PrintError;
use serde_json::{Number, Value};
use std::io::{self, Write};
use zsend_records::nvlist::{NvElement, NvList, NvType, NvVisitor};

/// Writes a list as a JSON object, its keys in the order of its pairs.
///
/// Bytes become hexadecimal digits, a value-less boolean becomes `true`, bytes of a string that are not UTF-8 become the
/// replacement character, and what JSON has no number for (infinity) becomes `null`. The types of the pairs are lost.
/// Nothing is made of the whole list: it may be large.
///
/// # Errors
/// Those of the output.
pub fn nvlist_json(out: &mut impl Write, list: &NvList) -> io::Result<()> {
    list.visit(&mut NvJson::new(out)).map_err(io::Error::from)
}

/// Writes the pairs of a list as they are read.
pub(super) struct NvJson<'a, W> {
    out: &'a mut W,
    /// Types of the pairs that are open, the outer list's first; and whether an element of each was written.
    open: Vec<(NvType, bool)>,
    /// True for each list that is open if a pair of it was written.
    lists: Vec<bool>,
    /// A string was begun; beginning of a character whose rest is in its next piece.
    text: Option<Vec<u8>>,
}

impl<'a, W: Write> NvJson<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out, open: Vec::new(), lists: Vec::new(), text: None }
    }

    /// Separates an element from the one before it.
    fn separate(&mut self) -> io::Result<()> {
        let some = self.open.last_mut().is_some_and(|(_, some)| core::mem::replace(some, true));
        if some { self.out.write_all(b",") } else { Ok(()) }
    }

    /// Writes a part of a string, without quotation marks.
    fn escaped(&mut self, text: &str) -> io::Result<()> {
        let quoted = serde_json::to_vec(text)?;
        self.out.write_all(quoted.get(1..quoted.len() - 1).unwrap_or_default())
    }

    /// Writes a piece of a string; at its end, what there is of a character too.
    fn piece(&mut self, mut begun: Vec<u8>, piece: &[u8], ends: bool) -> io::Result<Vec<u8>> {
        begun.extend_from_slice(piece);
        let mut chunks = begun.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.escaped(chunk.valid())?;
            let invalid = chunk.invalid();
            let goes_on = || std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none());
            if !ends && !invalid.is_empty() && chunks.peek().is_none() && goes_on() {
                return Ok(invalid.to_vec());
            }
            if !invalid.is_empty() {
                self.escaped("\u{fffd}")?;
            }
        }
        Ok(Vec::new())
    }
}

/// Returns true if the value is JSON's array: bytes are one string.
fn is_json_array(nv_type: NvType) -> bool {
    nv_type.is_array() && !is_bytes(nv_type)
}

fn is_bytes(nv_type: NvType) -> bool {
    nv_type == NvType::BYTE_ARRAY || nv_type == NvType::UINT8_ARRAY
}

impl<W: Write> NvVisitor for NvJson<'_, W> {
    type Error = PrintError;

    fn list(&mut self, _: u32, _: usize) -> Result<(), PrintError> {
        self.separate()?;
        self.lists.push(false);
        Ok(self.out.write_all(b"{")?)
    }

    fn list_end(&mut self) -> Result<(), PrintError> {
        self.lists.pop();
        Ok(self.out.write_all(b"}")?)
    }

    fn pair(&mut self, name: &str, nv_type: NvType, _: usize, _: usize) -> Result<(), PrintError> {
        if let Some(some) = self.lists.last_mut()
            && core::mem::replace(some, true)
        {
            self.out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *self.out, name).map_err(io::Error::from)?;
        self.out.write_all(b":")?;
        self.open.push((nv_type, false));
        match () {
            () if is_json_array(nv_type) => self.out.write_all(b"[")?,
            () if is_bytes(nv_type) => self.out.write_all(b"\"")?,
            () => {}
        }
        Ok(())
    }

    fn element(&mut self, element: NvElement<'_>, _: usize) -> Result<(), PrintError> {
        let value = match element {
            NvElement::Bytes(bytes) => return Ok(self.out.write_all(hex(bytes).as_bytes())?),
            // Of an array in XDR.
            NvElement::Uint8(v) if self.open.last().is_some_and(|(t, _)| is_bytes(*t)) => {
                return Ok(self.out.write_all(hex(&[v]).as_bytes())?);
            }
            NvElement::Text(_) | NvElement::TextEnd => {
                let (piece, ends) = match element {
                    NvElement::Text(piece) => (piece, false),
                    _ => (&[][..], true),
                };
                let begun = match self.text.take() {
                    Some(begun) => begun,
                    None => {
                        self.separate()?;
                        self.out.write_all(b"\"")?;
                        Vec::new()
                    }
                };
                let begun = self.piece(begun, piece, ends)?;
                self.text = (!ends).then_some(begun);
                return if ends { Ok(self.out.write_all(b"\"")?) } else { Ok(()) };
            }
            NvElement::Boolean => Value::Bool(true),
            NvElement::BooleanValue(v) => v.into(),
            NvElement::Byte(v) | NvElement::Uint8(v) => v.into(),
            NvElement::Int8(v) => v.into(),
            NvElement::Int16(v) => v.into(),
            NvElement::Uint16(v) => v.into(),
            NvElement::Int32(v) => v.into(),
            NvElement::Uint32(v) => v.into(),
            NvElement::Int64(v) | NvElement::HrTime(v) => v.into(),
            NvElement::Uint64(v) => v.into(),
            NvElement::Double(v) => Number::from_f64(v).map_or(Value::Null, Value::Number),
        };
        self.separate()?;
        Ok(serde_json::to_writer(&mut *self.out, &value).map_err(io::Error::from)?)
    }

    fn pair_end(&mut self) -> Result<(), PrintError> {
        match self.open.pop() {
            Some((nv_type, _)) if is_json_array(nv_type) => self.out.write_all(b"]")?,
            Some((nv_type, _)) if is_bytes(nv_type) => self.out.write_all(b"\"")?,
            _ => {}
        }
        Ok(())
    }
}
