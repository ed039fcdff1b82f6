//! Reads a ZFS pool from images or devices, read-only.
#![forbid(unsafe_code)]

pub mod zio;
