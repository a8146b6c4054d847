//! Bodies over HTTP, to clients that are processes of their own: curl, and one of reqwest.
//!
//! - `stops.rs`: every way to stop a body, over each framing: only an end looks like one
//! - `generators.rs`: libraries that write and block; a client that stalls holds up no other
//! - `requests.rs`: a request whose body is a stream; requests that get no body
//! - `clients.rs`: the clients; `served.rs`: the server

mod clients;
mod generators;
mod requests;
mod served;
mod stops;
