//! The explorer: visits every state of the real machine within the bounds of the
//! specification.
//!
//! [`bounds`] reads the bounds. [`world`] is the machine and what surrounds it;
//! [`drive`] acts on it. [`graph`] spans the state graph and compares it with another;
//! [`tla`] reads the graph of the specification, in the words of [`notation`]. [`check`]
//! looks for broken invariants: [`watch`] for those of safety, [`fair`] for those of
//! liveness. [`steps`] lists the steps of the machine, [`law`] checks the law of leases.
//! [`walk`] leads the real driver over each edge. [`diagram`] draws `spec/phases.svg`, and [`drawing`] reads it again.

pub mod bounds;
pub mod check;
pub mod diagram;
pub mod drawing;
pub mod drive;
pub mod fair;
pub mod graph;
pub mod law;
pub mod notation;
mod scenario;
pub mod steps;
pub mod tla;
pub mod walk;
pub mod watch;
pub mod world;
