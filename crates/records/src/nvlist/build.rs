//! A list made of the pairs that are read, in a bounded memory.

use super::visit::{NvElement, NvVisitor};
use super::{NvError, NvList, NvString, NvType, NvValue};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Bytes that a pair takes beside what its value points to: its place in a list that grows by
/// doubling, its name's reference counts, and its place in an index.
const PAIR_MEMORY: usize = 2 * size_of::<(Arc<str>, NvValue)>() + 2 * size_of::<usize>() + 64;

/// A list that is being read.
pub(super) struct Builder {
    /// Bytes of memory that it may still take.
    memory: usize,
    /// Lists that are open, the outer one first.
    open: Vec<Open>,
    /// String that is open.
    text: Vec<u8>,
    /// The outer list, at its end.
    done: Option<NvList>,
}

/// A list that is open.
struct Open {
    flags: u32,
    pairs: Vec<(Arc<str>, NvValue)>,
    /// Name of the pair that is open, and its value as far as it is there: an array always is.
    pair: Option<(Arc<str>, Option<NvValue>)>,
}

impl Builder {
    /// A list that takes no more than `memory` bytes.
    pub(super) fn within(memory: usize) -> Self {
        Self { memory, open: Vec::new(), text: Vec::new(), done: None }
    }

    /// The list; one of nothing before its end.
    pub(super) fn finish(self) -> NvList {
        self.done.unwrap_or_default()
    }

    /// Takes memory for `count` elements of `each` bytes, before it is allocated.
    fn charge(&mut self, count: usize, each: usize, offset: usize) -> Result<(), NvError> {
        let left = count.checked_mul(each).and_then(|bytes| self.memory.checked_sub(bytes));
        self.memory = left.ok_or(NvError::TooLarge { offset })?;
        Ok(())
    }

    /// The value that is open, if any part of it is there.
    fn slot(&mut self) -> Option<&mut Option<NvValue>> {
        self.open.last_mut()?.pair.as_mut().map(|(_, value)| value)
    }
}

/// Returns an array of nothing; `None` for what is no array.
fn empty_array(nv_type: NvType) -> Option<NvValue> {
    Some(match nv_type {
        NvType::BYTE_ARRAY => NvValue::ByteArray(Vec::new()),
        NvType::INT8_ARRAY => NvValue::Int8Array(Vec::new()),
        NvType::UINT8_ARRAY => NvValue::Uint8Array(Vec::new()),
        NvType::INT16_ARRAY => NvValue::Int16Array(Vec::new()),
        NvType::UINT16_ARRAY => NvValue::Uint16Array(Vec::new()),
        NvType::INT32_ARRAY => NvValue::Int32Array(Vec::new()),
        NvType::UINT32_ARRAY => NvValue::Uint32Array(Vec::new()),
        NvType::INT64_ARRAY => NvValue::Int64Array(Vec::new()),
        NvType::UINT64_ARRAY => NvValue::Uint64Array(Vec::new()),
        NvType::BOOLEAN_ARRAY => NvValue::BooleanArray(Vec::new()),
        NvType::STRING_ARRAY => NvValue::StringArray(Vec::new()),
        NvType::NVLIST_ARRAY => NvValue::ListArray(Vec::new()),
        _ => return None,
    })
}

/// Bytes of memory of an element of an array, which grows by doubling. A string has its own, and its place in an array.
const fn each(element: NvElement<'_>) -> usize {
    2 * match element {
        NvElement::Text(text) => return text.len(),
        NvElement::Boolean | NvElement::TextEnd => 0,
        NvElement::Byte(_) | NvElement::Int8(_) | NvElement::Uint8(_) => 1,
        NvElement::BooleanValue(_) => 1,
        NvElement::Int16(_) | NvElement::Uint16(_) => 2,
        NvElement::Int32(_) | NvElement::Uint32(_) => 4,
        NvElement::Int64(_) | NvElement::Uint64(_) => 8,
        NvElement::HrTime(_) | NvElement::Double(_) => 8,
        NvElement::Bytes(bytes) => bytes.len(),
    }
}

impl NvVisitor for Builder {
    type Error = NvError;

    fn list(&mut self, flags: u32, offset: usize) -> Result<(), NvError> {
        if matches!(self.slot(), Some(Some(NvValue::ListArray(_)))) {
            self.charge(1, 2 * size_of::<NvList>(), offset)?;
        }
        self.open.push(Open { flags, pairs: Vec::new(), pair: None });
        Ok(())
    }

    fn list_end(&mut self) -> Result<(), NvError> {
        let Some(Open { flags, pairs, .. }) = self.open.pop() else { return Ok(()) };
        let list = NvList::from_pairs(flags, pairs);
        match self.slot() {
            Some(Some(NvValue::ListArray(lists))) => lists.push(list),
            Some(slot) => *slot = Some(NvValue::List(list)),
            None => self.done = Some(list),
        }
        Ok(())
    }

    fn pair(
        &mut self,
        name: &str,
        nv_type: NvType,
        _: usize,
        offset: usize,
    ) -> Result<(), NvError> {
        self.charge(1, PAIR_MEMORY + name.len(), offset)?;
        if let Some(open) = self.open.last_mut() {
            open.pair = Some((name.into(), empty_array(nv_type)));
        }
        Ok(())
    }

    fn element(&mut self, element: NvElement<'_>, offset: usize) -> Result<(), NvError> {
        use NvElement as E;
        use NvValue as V;
        // One value lies in its pair, which was counted.
        if matches!(element, E::Text(_)) || matches!(self.slot(), Some(Some(_))) {
            self.charge(1, each(element), offset)?;
        }
        match element {
            E::Text(piece) => {
                self.text.extend_from_slice(piece);
                return Ok(());
            }
            E::TextEnd => {
                if matches!(self.slot(), Some(Some(V::StringArray(_)))) {
                    self.charge(1, 2 * size_of::<NvString>(), offset)?;
                }
                let text = NvString::from(self.text.as_slice());
                self.text.clear();
                match self.slot() {
                    Some(Some(V::StringArray(array))) => array.push(text),
                    Some(slot) => *slot = Some(V::String(text)),
                    None => {}
                }
                return Ok(());
            }
            _ => {}
        }
        let Some(slot) = self.slot() else { return Ok(()) };
        match (slot, element) {
            (Some(V::ByteArray(array) | V::Uint8Array(array)), E::Bytes(bytes)) => {
                array.extend_from_slice(bytes);
            }
            (Some(V::Uint8Array(array)), E::Uint8(v)) => array.push(v),
            (Some(V::Int8Array(array)), E::Int8(v)) => array.push(v),
            (Some(V::Int16Array(array)), E::Int16(v)) => array.push(v),
            (Some(V::Uint16Array(array)), E::Uint16(v)) => array.push(v),
            (Some(V::Int32Array(array)), E::Int32(v)) => array.push(v),
            (Some(V::Uint32Array(array)), E::Uint32(v)) => array.push(v),
            (Some(V::Int64Array(array)), E::Int64(v)) => array.push(v),
            (Some(V::Uint64Array(array)), E::Uint64(v)) => array.push(v),
            (Some(V::BooleanArray(array)), E::BooleanValue(v)) => array.push(v),
            (slot, element) => *slot = scalar(element),
        }
        Ok(())
    }

    fn pair_end(&mut self) -> Result<(), NvError> {
        if let Some(open) = self.open.last_mut()
            && let Some((name, Some(value))) = open.pair.take()
        {
            open.pairs.push((name, value));
        }
        Ok(())
    }
}

/// The value that is one element; parts of values are none.
fn scalar(element: NvElement<'_>) -> Option<NvValue> {
    Some(match element {
        NvElement::Boolean => NvValue::Boolean,
        NvElement::Byte(v) => NvValue::Byte(v),
        NvElement::Int16(v) => NvValue::Int16(v),
        NvElement::Uint16(v) => NvValue::Uint16(v),
        NvElement::Int32(v) => NvValue::Int32(v),
        NvElement::Uint32(v) => NvValue::Uint32(v),
        NvElement::Int64(v) => NvValue::Int64(v),
        NvElement::Uint64(v) => NvValue::Uint64(v),
        NvElement::HrTime(v) => NvValue::HrTime(v),
        NvElement::BooleanValue(v) => NvValue::BooleanValue(v),
        NvElement::Int8(v) => NvValue::Int8(v),
        NvElement::Uint8(v) => NvValue::Uint8(v),
        NvElement::Double(v) => NvValue::Double(v),
        NvElement::Bytes(_) | NvElement::Text(_) | NvElement::TextEnd => return None,
    })
}
