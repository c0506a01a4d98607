//! Shipping's verbs on a throw-away database, with fake peers.

mod cancelling;
mod house;
mod packing;
mod zones;
