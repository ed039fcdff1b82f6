//! The list behind a BEGIN, read within one bound by all that look into it. A dump alone has bounds of its caller's.

use zsend_records::nvlist::{Encoding, NvError, NvList};

/// Longest list behind a BEGIN that is looked at. That of a package that lists 30,000 snapshots is as long.
pub(crate) const LIST: u64 = 8 << 20;
/// Bytes of memory that such a list may take once it is read.
const LIST_MEMORY: usize = 44 << 20;

/// A list that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BeginList {
    pub(crate) list: NvList,
    pub(crate) encoding: Encoding,
    /// Bytes of the payload that it takes.
    pub(crate) used: usize,
}

/// Reason that a list is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    /// It is longer, or takes more memory, than is looked at.
    #[error(
        "{found} bytes, expected at most {LIST}, of which no more than {LIST_MEMORY} bytes of memory are made"
    )]
    TooLarge {
        /// Bytes that it has.
        found: u64,
    },
    /// It is malformed.
    #[error(transparent)]
    Malformed(NvError),
}

/// Reads the list in the payload of a BEGIN, with whatever follows it; `None` if there is no payload.
pub(crate) fn begin_list(payload: &[u8]) -> Result<Option<BeginList>, ListError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let found = payload.len() as u64;
    if found > LIST {
        return Err(ListError::TooLarge { found });
    }
    match NvList::decode_within(payload, LIST_MEMORY) {
        Ok((list, encoding, used)) => Ok(Some(BeginList { list, encoding, used })),
        Err(NvError::TooLarge { .. }) => Err(ListError::TooLarge { found }),
        Err(error) => Err(ListError::Malformed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_records::nvlist::NvValue;

    #[test]
    fn a_list_is_read_within_both_bounds() {
        assert_eq!(begin_list(&[]), Ok(None));
        let mut list = NvList::new();
        list.insert("redact_snaps", NvValue::Uint64Array(vec![7; 1000]));
        let mut packed = list.encode(Encoding::Native).expect("a short list");
        let used = packed.len();
        packed.extend_from_slice(&[0; 8]);
        let read = BeginList { list: list.clone(), encoding: Encoding::Native, used };
        assert_eq!(begin_list(&packed), Ok(Some(read)));
        packed.resize(usize::try_from(LIST).expect("eight MiB") + 1, 0);
        let found = packed.len() as u64;
        assert_eq!(begin_list(&packed), Err(ListError::TooLarge { found }));
        // A string of nothing takes a word packed, and more in memory.
        list.insert("many", NvValue::StringArray(vec!["".into(); 1_500_000]));
        let packed = list.encode(Encoding::Xdr).expect("no long list");
        assert!(packed.len() as u64 <= LIST);
        assert!(matches!(begin_list(&packed), Err(ListError::TooLarge { .. })));
        assert!(matches!(begin_list(&[9; 8]), Err(ListError::Malformed(_))));
    }
}
