//! Runs other programs, for the chores, the benchmarks and the tests.

pub mod run;
