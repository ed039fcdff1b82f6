#![doc = include_str!("../README.md")]

pub mod dump;
pub mod verify;
