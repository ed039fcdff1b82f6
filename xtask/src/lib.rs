//! What the chores and the integration tests share: fixtures, their cases, and running programs.

pub mod cases;
pub mod images;
pub mod run;
