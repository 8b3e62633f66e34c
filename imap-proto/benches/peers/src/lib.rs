//! Only benches: see `benches/peers.rs`.
