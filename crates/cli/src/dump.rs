//! `zsend dump`: the records of a stream as text.

use crate::args::DumpArgs;
use crate::exit::{Done, Failure};

pub(crate) fn run(_args: &DumpArgs) -> Done {
    Err(Failure::usage("not yet"))
}
